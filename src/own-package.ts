// Where this package is: sources, build and package lie at different depths below the folder.

import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The first folder above this file that has a package.json. */
export function ownPackageFolder(): string {
  let folder = __dirname;
  while (!existsSync(join(folder, 'package.json'))) folder = dirname(folder);
  return folder;
}
