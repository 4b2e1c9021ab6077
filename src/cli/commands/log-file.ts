// Reads the end of a file that grows, is cut short, or is replaced by another file of the same name.

import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { reasonOf } from '../command-failure';

const CHUNK_BYTES = 64 * 1024;
const NEWLINE = 10;

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
    // Another file has the name now, after this file was moved away: late writes to the old file come first.
    const now = statSync(this.#path, { throwIfNoEntry: false });
    if (now && now.ino !== this.#inode) {
      this.close();
      this.#open();
      news.push(this.#readOn());
    }
    return Buffer.concat(news);
  }

  close(): void {
    if (this.#file !== undefined) closeSync(this.#file);
    this.#file = undefined;
  }

  #readOn(): Buffer {
    if (this.#file === undefined) return Buffer.alloc(0);
    const { size } = fstatSync(this.#file);
    if (size < this.#offset) this.#offset = 0; // cut short
    const bytes = readFrom(this.#file, this.#offset, Math.min(size, this.#offset + CHUNK_BYTES));
    this.#offset += bytes.length;
    return bytes;
  }

  /** The file may not exist yet, or not any more. */
  #open(): void {
    try {
      this.#file = openSync(this.#path, 'r');
      this.#inode = fstatSync(this.#file).ino;
      this.#offset = 0;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT')
        throw new Error(`${this.#path} cannot be read: ${reasonOf(error)}`, { cause: error });
    }
  }
}
