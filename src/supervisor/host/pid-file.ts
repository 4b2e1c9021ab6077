// The file that holds the process id of a master while the master runs.

import { readFileSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { fact } from '../../facts';
import { overwrite } from '../../own-file';
import { makeFolder } from './make-folder';
import { mention, OptionError } from './option-error';

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
      const what = `: ${this.#path} cannot be written: ${(cause as Error).message}`;
      throw new OptionError('pidFile', [mention('pidFile', 'subject'), what], cause);
    }
  }

  /** Removes the file unless another master has written a pid meanwhile. */
  remove(): void {
    const written = fact(() => readFileSync(this.#path, 'utf8'));
    if (Number(written) === process.pid) fact(() => rmSync(this.#path)); // a leftover file names a process that has ended
  }
}
