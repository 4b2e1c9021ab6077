// The values of all files as last read, with their versions, and why a value is not what a file says now. Reads what has settled, keeps
// the last good value of a file that does not parse or may not be read, and forgets files that are gone.

import { readFile, stat } from 'node:fs/promises';
import { TrunklineError } from '../../errors';
import type { Clock } from '../../time';
import { isKeyWatch, type StoredEntry, type Watched } from '../registry';
import { formatOf, propertiesOf, valueOf } from './document';
import { fileError, signatureOf, type ListedFile, type Listing, type Unreadable } from './listing';
import { Settling } from './settling';

/** What a look has brought. */
export interface Taken {
  /** The keys whose value has changed, or that came or went. */
  readonly changed: ReadonlySet<string>;
  /** The keys of files that have changed and are not read yet. */
  readonly unsettled: ReadonlySet<string>;
  /** When to look again because of files that are not read yet, ms; Infinity: there is none. */
  readonly nextMs: number;
}

/** A file that has not changed for this long, ms, is whole when this process looks for the first time. */
const OLD_MS = 1_000;
/** A larger file in the folder is an accident, bytes: the value would be sent to every process of the host. */
const MAX_BYTES = 16 * 2 ** 20;
/** How many files are read at a time. */
const READERS = 16;
/** A file that has changed between the look and the reading is looked at again after this time, ms. */
const AGAIN_MS = 10;

export class FileValues {
  readonly #settling: Settling;
  readonly #entries = new Map<string, StoredEntry>();
  /** By the key of the file. */
  readonly #broken = new Map<string, TrunklineError>();
  #unreadable: readonly Unreadable[] = [];
  #isFile = false;
  #changed = new Set<string>();
  #unsettled = new Set<string>();

  constructor(clock: Clock) {
    this.#settling = new Settling(clock);
  }

  /** Whether the path was a file at the last look: the keys are properties. */
  get isFile(): boolean {
    return this.#isFile;
  }

  get(key: string): StoredEntry | undefined {
    return this.#entries.get(key);
  }

  /** The entries of a watch, sorted by key. */
  of(what: Watched): StoredEntry[] {
    if (isKeyWatch(what)) {
      const entry = this.#entries.get(what.key);
      return entry ? [entry] : [];
    }
    const entries = [...this.#entries.values()].filter(({ key }) => key.startsWith(what.prefix));
    return entries.sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  /** Any reason why values are not those of the files. */
  get error(): TrunklineError | undefined {
    return this.#unreadable[0]?.error ?? [...this.#broken.values()][0];
  }

  /** Why the value of a key is not what the file says. */
  errorOf(key: string): TrunklineError | undefined {
    const unreadable = this.#unreadable.find((each) => isAt(each.key, key));
    return unreadable?.error ?? (this.#isFile ? this.error : this.#broken.get(key));
  }

  /**
   * @param isFirst whether this process has not read the files before: nobody saw when a file changed
   * @param signal ends the reading
   */
  async take({ isFile, files, unreadable }: Listing, isFirst: boolean, signal: AbortSignal): Promise<Taken> {
    this.#changed = new Set();
    this.#unsettled = new Set();
    this.#unreadable = unreadable;
    if (isFile !== this.#isFile) this.#replaceAll(new Map(), 0);
    this.#isFile = isFile;
    let nextMs = Infinity;
    const waitFor = (key: string, ms: number): void => {
      this.#unsettled.add(key);
      nextMs = Math.min(nextMs, ms);
    };
    const due: ListedFile[] = [];
    for (const file of files.values()) {
      const isOld = isFirst && Date.now() - file.changedUs / 1_000 > OLD_MS;
      const waitMs = this.#settling.seen(file, isOld, formatOf(file.path) === 'json');
      if (waitMs === 0) due.push(file);
      else if (waitMs !== undefined) waitFor(file.key, waitMs);
    }
    const readNext = async (): Promise<void> => {
      for (let file = due.pop(); file && !signal.aborted; file = due.pop()) {
        if (!(await this.#read(file))) waitFor(file.key, AGAIN_MS);
      }
    };
    await Promise.all(Array.from({ length: READERS }, readNext));
    for (const key of [...this.#settling.keys]) {
      if (files.has(key) || unreadable.some((each) => isAt(each.key, key))) continue;
      const waitMs = this.#settling.missing(key);
      if (waitMs > 0) waitFor(key, waitMs);
      else this.#gone(key);
    }
    return { changed: this.#changed, unsettled: this.#unsettled, nextMs };
  }

  /** @returns false when the file has changed meanwhile */
  async #read(file: ListedFile): Promise<boolean> {
    const { key, path, changedUs } = file;
    try {
      if (file.bytes > MAX_BYTES) throw tooLarge(file);
      const bytes = await readFile(path);
      if (signatureOf(await stat(path, { bigint: true })) !== file.signature) return false;
      if (this.#isFile) this.#replaceAll(propertiesOf(path, key, bytes), changedUs);
      else this.#set(key, valueOf(path, bytes), changedUs);
      this.#settling.read(file);
      this.#broken.delete(key);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
      // Reading again would give the same as long as the file does not change; the right to read comes and goes without a change.
      if (error instanceof TrunklineError) this.#settling.read(file);
      this.#broken.set(key, error instanceof TrunklineError ? error : fileError(path, error));
    }
    return true;
  }

  #replaceAll(values: ReadonlyMap<string, Buffer>, changedUs: number): void {
    for (const [key, bytes] of values) this.#set(key, bytes, changedUs);
    for (const key of this.#entries.keys()) if (!values.has(key)) this.#delete(key);
  }

  /**
   * The version is the time of the change in µs, and at least one more than before. The next leader, who has read nothing yet, must not
   * begin to count anew, and the time of the last change is the one thing that every process reads alike.
   */
  #set(key: string, bytes: Buffer, changedUs: number): void {
    const before = this.#entries.get(key);
    if (before && Buffer.compare(before.bytes, bytes) === 0) return;
    this.#entries.set(key, { key, version: Math.max(changedUs, (before?.version ?? 0) + 1), bytes });
    this.#changed.add(key);
  }

  #delete(key: string): void {
    if (this.#entries.delete(key)) this.#changed.add(key);
  }

  #gone(fileKey: string): void {
    this.#broken.delete(fileKey);
    if (!this.#isFile) this.#delete(fileKey);
  }
}

/** Whether a key is this one, or in the folder of this name. */
function isAt(name: string, key: string): boolean {
  return key === name || key.startsWith(`${name}/`);
}

function tooLarge({ key, path, bytes }: ListedFile): TrunklineError {
  const sentence = `${path}: has ${bytes} bytes, and ${MAX_BYTES} are the most; keep the value elsewhere, and its address here`;
  return new TrunklineError('ERR_TRUNKLINE_VALUE_TOO_LARGE', sentence, { server: path, key, bytes, limitBytes: MAX_BYTES });
}
