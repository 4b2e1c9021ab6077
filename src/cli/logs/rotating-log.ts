// A log file that begins anew when it is large enough, or when it is time: the old file becomes FILE.1, that one FILE.2, and so on.
// Files end with a whole line. All bytes of a log pass through one such object, so that none is lost between two files.

import { closeSync, existsSync, fchmodSync, fstatSync, renameSync, rmSync, writeSync } from 'node:fs';
import { openToAppend } from '../../own-file';
import { reasonOf } from '../command-failure';

export type Period = 'hourly' | 'daily' | 'weekly';

export interface Rotation {
  /** A file that would be larger is rotated; a line is never cut for it. */
  readonly maxBytes?: number | undefined;
  readonly every?: Period | undefined;
  /** How many old files are kept. */
  readonly keep: number;
}

const NEWLINE = 10;
/** The largest `keep`. */
export const MAX_KEEP = 1_000;
/** After a rotation that has failed the next is tried so much later, ms. */
const AGAIN_MS = 60_000;

/** The name of an old file. @param number 1 is the youngest of the old files */
export function oldLog(path: string, number: number): string {
  return `${path}.${number}`;
}

export class RotatingLog {
  readonly path: string;
  readonly #rotation: Rotation;
  readonly #now: () => number;
  #file: number;
  #isFile = false;
  #bytes = 0;
  #isAtLineStart = true;
  /** The end of the present period. */
  #dueAt = Infinity;
  #notBefore = 0;
  #lostBytes = 0;

  /** @throws Error when the file cannot be opened */
  constructor(path: string, rotation: Rotation, now: () => number = Date.now) {
    this.path = path;
    this.#rotation = rotation;
    this.#now = now;
    this.#file = openToAppend(path);
    const { mtimeMs } = this.#look();
    const { every } = rotation;
    if (every === undefined || !this.#isFile) return;
    // What was written before belongs to the period of then.
    this.#dueAt = this.#bytes > 0 ? endOfPeriod(mtimeMs, every) : endOfPeriod(now(), every);
  }

  write(chunk: Buffer): void {
    for (let rest = chunk; rest.length > 0;) {
      if (this.#isDue(rest)) this.#rotate();
      const part = rest.subarray(0, this.#lengthOfPart(rest));
      this.#append(part);
      rest = rest.subarray(part.length);
    }
  }

  /**
   * Opens the file of this name: another program has renamed the one that was written.
   * @throws Error when that is not possible; the old file is written then
   */
  reopen(): void {
    const file = openToAppend(this.path);
    closeSync(this.#file);
    this.#file = file;
    this.#look();
  }

  close(): void {
    closeSync(this.#file);
  }

  #look(): { mtimeMs: number; mode: number } {
    const stat = fstatSync(this.#file);
    this.#isFile = stat.isFile();
    this.#bytes = this.#isFile ? stat.size : 0;
    this.#isAtLineStart = true;
    return stat;
  }

  #isDue(next: Buffer): boolean {
    if (!this.#isFile || this.#bytes === 0) return false;
    const now = this.#now();
    if (now < this.#notBefore) return false;
    const { maxBytes = Infinity } = this.#rotation;
    if (!this.#isAtLineStart) return this.#bytes >= 2 * maxBytes; // a line without end
    return now >= this.#dueAt || this.#bytes + lineLength(next) > maxBytes;
  }

  /** Whole lines as far as there is room, or a line that is larger than that. */
  #lengthOfPart(rest: Buffer): number {
    const room = (this.#rotation.maxBytes ?? Infinity) - this.#bytes;
    if (rest.length <= room || !this.#isFile) return rest.length;
    const lines = room > 0 ? rest.lastIndexOf(NEWLINE, room - 1) + 1 : 0;
    return lines > 0 ? lines : lineLength(rest);
  }

  #rotate(): void {
    const { keep, every } = this.#rotation;
    const { mode } = fstatSync(this.#file);
    const old = (number: number): string => oldLog(this.path, number);
    try {
      rmSync(old(keep), { force: true });
      for (let number = keep - 1; number >= 1; number--) if (existsSync(old(number))) renameSync(old(number), old(number + 1));
      if (existsSync(this.path)) renameSync(this.path, old(1));
      this.reopen();
      fchmodSync(this.#file, mode & 0o777);
    } catch (error) {
      this.#notBefore = this.#now() + AGAIN_MS;
      this.#append(this.#note(`the log cannot be rotated: ${reasonOf(error)}`));
      return;
    }
    if (every !== undefined) this.#dueAt = endOfPeriod(this.#now(), every);
  }

  /** What a full disk does not take is lost, and counted. */
  #append(bytes: Buffer): void {
    if (this.#lostBytes > 0) {
      const note = this.#note(`${this.#lostBytes} bytes could not be written`);
      if (this.#tryToWrite(note) < note.length) {
        this.#lostBytes += bytes.length;
        return;
      }
      this.#lostBytes = 0;
    }
    this.#lostBytes += bytes.length - this.#tryToWrite(bytes);
    this.#isAtLineStart = bytes.at(-1) === NEWLINE;
  }

  /** @returns how much was written */
  #tryToWrite(bytes: Buffer): number {
    let written = 0;
    try {
      while (written < bytes.length) written += writeSync(this.#file, bytes, written);
    } catch {
      // the caller counts
    }
    this.#bytes += written;
    return written;
  }

  #note(text: string): Buffer {
    return Buffer.from(`${this.#isAtLineStart ? '' : '\n'}${new Date(this.#now()).toISOString()} [trunkline] ${text}\n`);
  }
}

/** With the end of the line. */
function lineLength(bytes: Buffer): number {
  return bytes.indexOf(NEWLINE) + 1 || bytes.length;
}

/** The end of the hour, day or week (from Monday on) in local time. */
export function endOfPeriod(at: number, period: Period): number {
  const date = new Date(at);
  if (period === 'hourly') return date.setHours(date.getHours() + 1, 0, 0, 0);
  const days = period === 'daily' ? 1 : 7 - ((date.getDay() + 6) % 7);
  date.setDate(date.getDate() + days);
  return date.setHours(0, 0, 0, 0);
}
