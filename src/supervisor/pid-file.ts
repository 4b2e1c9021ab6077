// The file that holds the process id of a master while it runs.

import { readFileSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { TrunklineError } from '../errors';
import { fact } from '../facts';
import { overwrite } from '../own-file';
import { makeFolder } from './make-folder';

export class PidFile {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** @throws TrunklineError ERR_TRUNKLINE_OPTION_INVALID when the file cannot be written, or is a link or another user's */
  write(): void {
    try {
      makeFolder(dirname(this.#path));
      overwrite(this.#path, `${process.pid}\n`);
    } catch (cause) {
      const message = `startCluster: option pidFile: ${this.#path} cannot be written: ${(cause as Error).message}`;
      throw new TrunklineError('ERR_TRUNKLINE_OPTION_INVALID', message, { option: 'pidFile', cause });
    }
  }

  /** Unless another master has written its own meanwhile. */
  remove(): void {
    const written = fact(() => readFileSync(this.#path, 'utf8'));
    if (Number(written) === process.pid) fact(() => rmSync(this.#path)); // one that is left names a process that has ended
  }
}
