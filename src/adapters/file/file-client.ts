// The upstream client over files: a folder in which each file is a key, or one file whose properties are the keys. Events of file systems
// say neither what nor how often, so an event only makes the client look: this file decides when, and tells the watches.

import { EventEmitter } from 'node:events';
import { resolve } from 'node:path';
import { TrunklineError } from '../../errors';
import { backgroundClock, within, type Clock, type Timer } from '../../time';
import { ProcessHold } from '../process-hold';
import { isKeyWatch, type RegistryUpstream, type StoredEntry, type StoreHealth, type Watched } from '../registry';
import { Standing } from '../standing';
import { WatchTable, type StateListener } from '../watch-table';
import { FileValues } from './file-values';
import { FolderWatch } from './folder-watch';
import { fileError, isKeyPart, listFiles } from './listing';

export interface FileOptions {
  /** A folder: each file in it is a key. A file: the properties of the object in it are the keys. Relative to the working directory. */
  readonly path: string;
}

/** After an event the files are looked at this much later, ms: a save is several events. */
const EVENT_MS = 10;
/** A look is followed by a pause of this many times its duration: a folder that changes all the time costs a quarter of a core at most. */
const PAUSE_FACTOR = 3;
/** The files are also looked at this often, ms: file systems over a network tell of no change. */
const POLL_MS = 5_000;
/** How often the files are looked at while the path is missing or the system has no watch left, ms. */
const BLIND_POLL_MS = 1_000;
/** A path that was there counts as missing after this time, ms: some editors delete a file before they make the new one. */
const AWAY_MS = 200;
/** How long `get` and `list` wait for files that are being written, ms. */
const PATIENCE_MS = 2_500;
/** How long the start waits for them, ms: a first state that lacks files would be taken for their deletion. */
const START_PATIENCE_MS = 15_000;

/** Which files somebody waits for, by the keys of the files. */
type Meant = (fileKey: string) => boolean;

interface Waiting {
  readonly isMeant: Meant;
  readonly done: () => void;
}

export class FileClient extends EventEmitter implements RegistryUpstream {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #watches: WatchTable;
  readonly #values: FileValues;
  readonly #folders = new FolderWatch(() => this.#lookIn(Math.max(EVENT_MS, PAUSE_FACTOR * this.#lookMs)));
  readonly #life = new AbortController();
  #starting: Promise<void>;
  #hasStarted = false;
  /** Why the path cannot be looked at, and since when. */
  #away: { readonly error: TrunklineError; readonly since: number; readonly isSure: boolean } | undefined;
  #unsettled: ReadonlySet<string> = new Set();
  readonly #waiting = new Set<Waiting>();
  #looking: Promise<void> | undefined;
  #lookingNext: Promise<void> | undefined;
  #lookMs = 0;
  #timer: { readonly timer: Timer; readonly dueAt: number } | undefined;
  readonly #hold: ProcessHold;
  /** Counts the looks that found a change. */
  #order = 0;
  readonly #standing = new Standing((health) => void this.emit('health', health));

  /** @throws TrunklineError ERR_TRUNKLINE_OPTION_INVALID */
  constructor(options: FileOptions, clock: Clock = backgroundClock) {
    super();
    const { path } = { ...options };
    assertPath(path);
    this.#path = resolve(path);
    this.#clock = clock;
    this.#watches = new WatchTable(clock);
    this.#values = new FileValues(clock);
    this.#starting = this.#start();
    this.#starting.catch(() => undefined); // ready() tells
    // Last: an instance that could not be made must not keep the process alive.
    this.#hold = new ProcessHold();
  }

  /** Rejects when the path cannot be looked at. A later call tries again. */
  async ready(): Promise<void> {
    const starting = this.#starting;
    try {
      await starting;
    } catch (error) {
      if (this.#starting === starting && !this.#isClosed) {
        this.#starting = this.#start();
        this.#starting.catch(() => undefined);
      }
      throw error;
    }
  }

  get health(): StoreHealth {
    return this.#standing.health;
  }

  /** The process stays alive until `close()`: the default. */
  ref(): void {
    this.#hold.ref();
  }

  /** The process may end although files are watched. */
  unref(): void {
    this.#hold.unref();
  }

  async subscribe(what: Watched, listener: StateListener): Promise<void> {
    await this.#starting;
    if (isKeyWatch(what)) this.#assertKey(what.key);
    this.#watches.add(what, listener).whole(this.#values.of(what), this.#order);
  }

  unSubscribe(what: Watched): Promise<void> {
    this.#watches.remove(what);
    return Promise.resolve();
  }

  async publish(): Promise<void> {
    await this.#starting;
    throw this.#cannot('registered: no file disappears with its owner; use another adapter for services');
  }

  async unPublish(): Promise<void> {
    await this.#starting;
  }

  /** The value of now: waits for a file that is being written. @throws (rejects) why a file that was never readable has no value */
  async get(key: string): Promise<StoredEntry | null> {
    this.#assertKey(key);
    await this.#fresh((fileKey) => this.#values.isFile || fileKey === key);
    const entry = this.#values.get(key);
    if (entry) return entry;
    const error = this.#values.errorOf(key);
    if (error) throw error;
    return null;
  }

  async list(prefix: string): Promise<readonly StoredEntry[]> {
    await this.#fresh((fileKey) => this.#values.isFile || fileKey.startsWith(prefix));
    return this.#values.of({ prefix });
  }

  async put(): Promise<number> {
    await this.#starting;
    throw this.#cannot('written: change the files');
  }

  async delete(): Promise<boolean> {
    await this.#starting;
    throw this.#cannot('deleted: change the files');
  }

  async close(): Promise<void> {
    this.#life.abort();
    this.#hold.close();
    this.#watches.close();
    this.#folders.close();
    this.#clock.clearTimeout(this.#timer?.timer);
    for (const { done } of this.#waiting) done();
    await this.#looking;
  }

  get #isClosed(): boolean {
    return this.#life.signal.aborted;
  }

  async #start(): Promise<void> {
    await this.#fresh(() => true, START_PATIENCE_MS);
    const { isFile, error } = this.#values;
    if (isFile && error && this.#values.of({ prefix: '' }).length === 0) throw error; // no value of the path was ever good
    this.#hasStarted = true;
  }

  /** A look that begins now, and the wait for files that are being written. */
  async #fresh(isMeant: Meant, patienceMs = PATIENCE_MS): Promise<void> {
    await this.#look();
    if (!this.#isClosed && this.#isUnsettled(isMeant)) await this.#settled(isMeant, patienceMs);
    if (this.#away) throw this.#away.error;
  }

  async #settled(isMeant: Meant, patienceMs: number): Promise<void> {
    let waiting: Waiting | undefined;
    const settled = new Promise<void>((done) => this.#waiting.add((waiting = { isMeant, done })));
    await within(this.#clock, patienceMs, settled);
    this.#waiting.delete(waiting!);
  }

  #isUnsettled(isMeant: Meant): boolean {
    return this.#away ? !this.#away.isSure : [...this.#unsettled].some(isMeant);
  }

  #lookIn(delayMs: number): void {
    const dueAt = this.#clock.now() + delayMs;
    if (this.#isClosed || (this.#timer && this.#timer.dueAt <= dueAt)) return;
    this.#clock.clearTimeout(this.#timer?.timer);
    const onTime = (): void => {
      this.#timer = undefined;
      void this.#look();
    };
    this.#timer = { timer: this.#clock.setTimeout(onTime, delayMs), dueAt };
  }

  /** Looks at all files. A look that is under way may have passed a changed file, and is followed by another one. */
  #look(): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    if (!this.#looking) {
      this.#looking = this.#lookNow().finally(() => (this.#looking = undefined));
      return this.#looking;
    }
    this.#lookingNext ??= this.#looking.then(() => {
      this.#lookingNext = undefined;
      return this.#look();
    });
    return this.#lookingNext;
  }

  async #lookNow(): Promise<void> {
    const startedAt = this.#clock.now();
    let nextMs: number;
    try {
      nextMs = await this.#see();
      this.#away = undefined;
    } catch (error) {
      nextMs = this.#missed(error instanceof TrunklineError ? error : fileError(this.#path, error));
    }
    if (this.#isClosed) return;
    this.#lookMs = this.#clock.now() - startedAt;
    this.#lookIn(Math.max(nextMs, PAUSE_FACTOR * this.#lookMs));
    this.#standing.set('files', this.#away?.isSure ? this.#away.error : this.#values.error);
    for (const { isMeant, done } of this.#waiting) if (!this.#isUnsettled(isMeant)) done();
  }

  /** @returns when to look again, ms */
  async #see(): Promise<number> {
    const listing = await listFiles(this.#path);
    if (this.#isClosed) return POLL_MS;
    const hasBegun = this.#folders.set(listing.folders);
    const { changed, unsettled, nextMs } = await this.#values.take(listing, !this.#hasStarted, this.#life.signal);
    if (this.#isClosed) return POLL_MS;
    this.#unsettled = unsettled;
    if (changed.size > 0) this.#push(changed);
    return Math.min(nextMs, hasBegun ? EVENT_MS : this.#folders.isComplete ? POLL_MS : BLIND_POLL_MS);
  }

  /** The path cannot be looked at. @returns when to look again, ms */
  #missed(error: TrunklineError): number {
    const now = this.#clock.now();
    const since = this.#away?.since ?? now;
    const isSure = !this.#hasStarted || now - since >= AWAY_MS;
    this.#away = { error, since, isSure };
    return isSure ? BLIND_POLL_MS : AWAY_MS - (now - since);
  }

  #push(changed: ReadonlySet<string>): void {
    this.#order++;
    for (const watch of this.#watches) {
      if ([...changed].some((key) => watch.covers(key))) watch.whole(this.#values.of(watch.what), this.#order);
    }
  }

  /** A property may have any name, a file may not. */
  #assertKey(key: string): void {
    if (this.#values.isFile || key.split('/').every(isKeyPart)) return;
    const sentence = `${this.#path}: ${JSON.stringify(key)} is no key, because no file of the folder has such a name or is served`;
    throw new TrunklineError('ERR_TRUNKLINE_KEY_INVALID', sentence, { server: this.#path, key });
  }

  #cannot(what: string): TrunklineError {
    return new TrunklineError('ERR_TRUNKLINE_STORE_LACKS', `${this.#path}: files are read only and cannot be ${what}`, {
      server: this.#path,
    });
  }
}

/** @throws TrunklineError ERR_TRUNKLINE_OPTION_INVALID */
export function assertPath(path: unknown): void {
  if (typeof path === 'string' && path !== '' && !path.includes('\0')) return;
  throw new TrunklineError('ERR_TRUNKLINE_OPTION_INVALID', 'trunkline/file: path must be a text that names a folder or a file', {
    option: 'path',
  });
}
