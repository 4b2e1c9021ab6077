// The files of a folder of this project, without installed packages: those of an example link back to the project.

import { readdirSync } from 'node:fs';
import { join } from 'node:path';

/** @returns paths below the folder, in no particular order */
export function filesUnder(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (entry.name === 'node_modules') return [];
    return entry.isDirectory() ? filesUnder(join(folder, entry.name)).map((path) => join(entry.name, path)) : [entry.name];
  });
}
