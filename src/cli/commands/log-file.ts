// Reads the end of a file that grows, is cut short, or is replaced by another file of the same name.

import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { reasonOf } from '../command-failure';
import { MAX_KEEP, oldLog } from '../logs/rotating-log';

const CHUNK_BYTES = 64 * 1024;
const NEWLINE = 10;
/** How many pieces of files one reading gives at most. */
const MOST_PARTS = 16;

/**
 * The last lines of a file, unchanged: the content need not be text, nor complete characters.
 * @param from earlier bytes do not count
 * @returns the bytes, and the offset of their end
 * @throws Error
 */
export function tail(path: string, lines: number, from = 0): { bytes: Buffer; end: number } {
  const file = openSync(path, 'r');
  try {
    const end = fstatSync(file).size;
    return { bytes: readFrom(file, lineStart(file, end, lines, from), end), end };
  } finally {
    closeSync(file);
  }
}

/** Where the last so many lines begin. A last line need not be complete. */
function lineStart(file: number, size: number, lines: number, from: number): number {
  if (lines === 0) return size;
  let missing = lines;
  for (let end = size; end > from; end -= CHUNK_BYTES) {
    const begin = Math.max(from, end - CHUNK_BYTES);
    const chunk = readFrom(file, begin, end);
    for (let i = chunk.length - 1; i >= 0; i--) {
      const isLast = begin + i === size - 1;
      if (chunk[i] === NEWLINE && !isLast && --missing === 0) return begin + i + 1;
    }
  }
  return from;
}

function readFrom(file: number, begin: number, end: number): Buffer {
  const bytes = Buffer.alloc(Math.max(0, end - begin));
  return bytes.subarray(0, readSync(file, bytes, 0, bytes.length, begin));
}

/** Gives what is appended to a file, from an offset on. */
export class GrowingFile {
  readonly #path: string;
  #file: number | undefined;
  #inode: number | undefined;
  #offset = 0;
  /** Whether the last reading came to the end of the file. */
  #isAtEnd = true;

  /** @param offset everything before this offset is known already */
  constructor(path: string, offset: number) {
    this.#path = path;
    this.#open();
    this.#offset = offset;
  }

  /** What has come since the last time. */
  read(): Buffer {
    if (this.#file === undefined) this.#open();
    const news = [this.#readOn()];
    // Another file has the name now, after this file was moved away: all of the old file comes first.
    while (this.#isAtEnd && this.#wasMoved && news.length < MOST_PARTS) {
      news.push(this.#readOn());
      if (!this.#isAtEnd || !this.#openNext()) break;
      news.push(this.#readOn());
    }
    return Buffer.concat(news);
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  get #wasMoved(): boolean {
    const now = statSync(this.#path, { throwIfNoEntry: false });
    return now !== undefined && now.ino !== this.#inode;
  }

  /** Goes on to the file that was begun after this one. Several may have been begun since the last look. @returns whether there is one */
  #openNext(): boolean {
    const before = this.#inode;
    for (;;) {
      const number = before === undefined ? undefined : this.#numberOf(before);
      this.close();
      // During a rotation a number may be missing: its file still has the number below then.
      for (let next = (number ?? 1) - 1; next >= 0 && this.#file === undefined; next--) this.#open(this.#nameOf(next));
      // A rotation meanwhile has given the name to a later file.
      if (number === undefined || this.#numberOf(before!) === number) return this.#file !== undefined;
    }
  }

  /** The number that a rotation has given to a file; undefined when the file has none, or is gone. */
  #numberOf(inode: number): number | undefined {
    for (let number = 1; number <= MAX_KEEP; number++)
      if (statSync(this.#nameOf(number), { throwIfNoEntry: false })?.ino === inode) return number;
    return undefined;
  }

  #nameOf(number: number): string {
    return number === 0 ? this.#path : oldLog(this.#path, number);
  }

  #readOn(): Buffer {
    if (this.#file === undefined) return Buffer.alloc(0);
    const { size } = fstatSync(this.#file);
    if (size < this.#offset) this.#offset = 0; // cut short
    const bytes = readFrom(this.#file, this.#offset, Math.min(size, this.#offset + CHUNK_BYTES));
    this.#offset += bytes.length;
    this.#isAtEnd = this.#offset >= size;
    return bytes;
  }

  /** The file may not exist yet, or not any more. */
  #open(path = this.#path): void {
    try {
      this.#file = openSync(path, 'r');
      this.#inode = fstatSync(this.#file).ino;
      this.#offset = 0;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        throw new Error(`${path} cannot be read: ${reasonOf(error)}`, { cause: error });
    }
  }
}
