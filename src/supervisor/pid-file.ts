// The file that holds the process id of a master while it runs.

import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { fact } from '../facts';
import { makeFolder } from './make-folder';

export class PidFile {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  /** @throws Error of the system */
  write(): void {
    makeFolder(dirname(this.#path));
    writeFileSync(this.#path, `${process.pid}\n`);
  }

  /** Unless another master has written its own meanwhile. */
  remove(): void {
    const written = fact(() => readFileSync(this.#path, 'utf8'));
    if (Number(written) === process.pid) fact(() => rmSync(this.#path)); // one that is left names a process that has ended
  }
}
