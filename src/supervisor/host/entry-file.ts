// Finds the programs that the supervisor starts as files, in the folder above the folder of this file both in a build and in the
// package. The search happens on first use, because a bundler may have put this module somewhere else.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { TrunklineError } from '../../errors';

/** Files that are run by name, under the folder of the supervisor. */
type EntryName = 'child/entry' | 'child/watchdog-thread';

/**
 * @returns the path of a program of the supervisor
 * @throws TrunklineError ERR_TRUNKLINE_CANNOT_SUPERVISE when the file is missing, as in a bundled program
 */
export function entryFile(name: EntryName): string {
  // In a bundle of ES modules there is no folder at all.
  const file = join(typeof __dirname === 'string' ? __dirname : '', '..', `${name}.js`);
  if (existsSync(file)) return file;
  throw new TrunklineError(
    'ERR_TRUNKLINE_CANNOT_SUPERVISE',
    `${file}, a program that the supervisor runs, is not there: trunkline/supervisor has been bundled; ` +
      'keep the package out of the bundle (esbuild: --external:trunkline) and install it beside it',
    { file },
  );
}
