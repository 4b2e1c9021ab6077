// The upstream client over files: a folder in which each file is a key, or one JSON file whose properties are the keys. Files are watched
// through their folder, and what is read is compared, because events of file systems say neither what nor how often.

import { EventEmitter } from 'node:events';
import { watch, type FSWatcher } from 'node:fs';
import { resolve } from 'node:path';
import { TrunklineError } from '../../errors';
import { backgroundClock, type Timer } from '../../time';
import { isKeyWatch, type RegistryUpstream, type StoredEntry, type StoreHealth, type Watched } from '../registry';
import { WatchTable, type StateListener } from '../watch-table';
import { readFiles, type FileContents } from './read-files';

export interface FileOptions {
  /** A folder: each file in it is a key. A file: the properties of the object in it are the keys. Relative to the working directory. */
  readonly path: string;
}

/** After an event the files are read when nothing has happened for this long, ms: a save is several events. */
const QUIET_MS = 20;
/** The files are also read this often, ms: file systems over a network tell of no change. */
const POLL_MS = 5_000;

export class FileClient extends EventEmitter implements RegistryUpstream {
  readonly #path: string;
  readonly #watches = new WatchTable(backgroundClock);
  readonly #starting: Promise<void>;
  /** By folder. Folders are watched, because a watch of a file ends with the first save that renames another file to its place. */
  readonly #watchers = new Map<string, FSWatcher>();
  #timer: Timer | undefined;
  #entries = new Map<string, StoredEntry>();
  #reading: Promise<void> | undefined;
  #order = 0;
  #isClosed = false;
  #health: StoreHealth = { ok: true };

  constructor({ path }: FileOptions) {
    super();
    this.#path = resolve(path);
    this.#starting = this.#start();
    this.#starting.catch(() => undefined); // ready() tells
  }

  ready(): Promise<void> {
    return this.#starting;
  }

  get health(): StoreHealth {
    return this.#health;
  }

  subscribe(what: Watched, listener: StateListener): Promise<void> {
    this.#watches.add(what, listener).whole(this.#entriesOf(what), this.#order);
    return Promise.resolve();
  }

  unSubscribe(what: Watched): Promise<void> {
    this.#watches.remove(what);
    return Promise.resolve();
  }

  async publish(): Promise<void> {
    await this.#starting;
    throw this.#cannot('registered: no file disappears with its owner');
  }

  async unPublish(): Promise<void> {
    await this.#starting;
  }

  async get(key: string): Promise<StoredEntry | null> {
    await this.#read();
    return this.#entries.get(key) ?? null;
  }

  async list(prefix: string): Promise<readonly StoredEntry[]> {
    await this.#read();
    return this.#entriesOf({ prefix });
  }

  async put(): Promise<number> {
    await this.#starting;
    throw this.#cannot('written: change the files');
  }

  async delete(): Promise<boolean> {
    await this.#starting;
    throw this.#cannot('deleted: change the files');
  }

  close(): Promise<void> {
    this.#isClosed = true;
    this.#watches.close();
    this.#watch([]);
    backgroundClock.clearTimeout(this.#timer);
    return Promise.resolve();
  }

  async #start(): Promise<void> {
    this.#apply(await readFiles(this.#path));
    this.#readIn(QUIET_MS); // what has changed between the reading and the watching
  }

  #watch(folders: readonly string[]): void {
    for (const [folder, watcher] of this.#watchers) {
      if (folders.includes(folder)) continue;
      watcher.close();
      this.#watchers.delete(folder);
    }
    for (const folder of folders) {
      if (this.#watchers.has(folder) || this.#isClosed) continue;
      const watcher = watch(folder, () => this.#readIn(QUIET_MS));
      watcher.on('error', () => {
        // The folder is gone, or cannot be watched: the next reading tries again.
        watcher.close();
        this.#watchers.delete(folder);
      });
      this.#watchers.set(folder, watcher);
    }
  }

  #readIn(delayMs: number): void {
    backgroundClock.clearTimeout(this.#timer);
    if (this.#isClosed) return;
    this.#timer = backgroundClock.setTimeout(() => void this.#read().finally(() => this.#readIn(POLL_MS)), delayMs);
  }

  /** Reads all files; a reading that is under way is waited for first, because it may have passed the changed file. */
  async #read(): Promise<void> {
    await this.#reading;
    this.#reading ??= this.#readNow().finally(() => (this.#reading = undefined));
    await this.#reading;
  }

  async #readNow(): Promise<void> {
    try {
      this.#apply(await readFiles(this.#path));
    } catch (error) {
      this.#say({ ok: false, error: error as Error });
    }
  }

  /** A file that does not parse keeps its last good value. */
  #apply({ folders, files, broken }: FileContents): void {
    this.#watch(folders);
    const entries = new Map<string, StoredEntry>();
    for (const [key, bytes] of files) {
      const before = this.#entries.get(key);
      const isSame = before && Buffer.compare(before.bytes, bytes) === 0;
      entries.set(key, isSame ? before : { key, version: (before?.version ?? 0) + 1, bytes });
    }
    for (const { keys } of broken) for (const key of keys(this.#entries.keys())) entries.set(key, this.#entries.get(key)!);
    this.#entries = entries;
    this.#order++;
    for (const watched of this.#watches) watched.whole(this.#entriesOf(watched.what), this.#order);
    this.#say(broken.length === 0 ? { ok: true } : { ok: false, error: broken[0]!.error });
  }

  #say(health: StoreHealth): void {
    const isNews = health.ok !== this.#health.ok || health.error?.message !== this.#health.error?.message;
    this.#health = health;
    if (isNews && !this.#isClosed) this.emit('health', health);
  }

  #entriesOf(what: Watched): StoredEntry[] {
    const isMeant = (key: string): boolean => (isKeyWatch(what) ? key === what.key : key.startsWith(what.prefix));
    return [...this.#entries.values()].filter(({ key }) => isMeant(key)).sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  #cannot(what: string): TrunklineError {
    return new TrunklineError('ERR_TRUNKLINE_STORE_LACKS', `${this.#path}: files are read only and cannot be ${what}`, {
      server: this.#path,
    });
  }
}
