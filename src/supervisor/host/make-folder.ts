// `mkdir -p`. The `recursive` of Node.js never returns where folders cannot be made at all, as in /proc.

import { mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

/** @throws Error of the system */
export function makeFolder(path: string): void {
  if (tryToMake(path)) return;
  makeFolder(dirname(path));
  if (!tryToMake(path)) mkdirSync(path); // throws why
}

/** @returns false when the parent folder is missing */
function tryToMake(path: string): boolean {
  try {
    mkdirSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT') return false;
    if (code !== 'EEXIST') throw error;
  }
  return true;
}
