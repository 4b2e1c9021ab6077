// A log file that several processes append to, and that is reopened after being renamed.

import { createWriteStream, type WriteStream } from 'node:fs';
import { finished } from 'node:stream/promises';

export class LogFile {
  readonly #path: string;
  #stream: WriteStream;

  constructor(path: string) {
    this.#path = path;
    this.#stream = this.#open();
  }

  /** A line is a single write to the end of the file: lines of several processes do not mix. */
  write(text: string): void {
    this.#stream.write(`${new Date().toISOString()} ${text}\n`);
  }

  /** What was written before still goes to the old file. */
  reopen(): void {
    this.#stream.end();
    this.#stream = this.#open();
  }

  /** Resolves when everything is in the file. */
  async close(): Promise<void> {
    this.#stream.end();
    await finished(this.#stream);
  }

  #open(): WriteStream {
    return createWriteStream(this.#path, { flags: 'a' });
  }
}
