// The file that holds the process id of a master while it runs.

import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
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
    try {
      if (Number(readFileSync(this.#path, 'utf8')) === process.pid) rmSync(this.#path);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
}
