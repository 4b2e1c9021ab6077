// The upstream client over Redis: keeps a session open, knows the watches and what this client owns, and says how the server stands. How
// keys lie in Redis is the business of the two forms.

import { EventEmitter } from 'node:events';
import { TrunklineError } from '../../errors';
import { defaultLogger } from '../../logger';
import { Backoff, backgroundClock, delay, within } from '../../time';
import { AwaitedSession } from '../awaited-session';
import { isWellFormed } from '../key-text';
import { ProcessHold } from '../process-hold';
import type { OwnedEntry, RegistryUpstream, StoredEntry, StoreHealth, Watched, WriteOptions } from '../registry';
import { Standing } from '../standing';
import { WatchTable, type StateListener } from '../watch-table';
import { settingsOf, type RedisSettings, type RedisStoreOptions } from './redis-options';
import { RedisSession } from './redis-session';
import { assertNotOld } from './server-facts';
import type { StoreForm } from './store-form';
import { StringsForm } from './strings-form';
import { VersionedForm } from './versioned-form';

/** Between two pulses, ms. */
const PULSE_MS = 1_000;
/** Time between two attempts to get a session again, ms. */
const RETRY_MIN_MS = 50;
const RETRY_MAX_MS = 2_000;
/** How long a call waits for a session, ms: a short cut is no failure. Less than followers wait for an answer, so that the reason reaches callers. */
const CALL_WAIT_MS = 2_000;
/** How long `close()` waits for the server to take back what this client owns, ms. */
const LEAVE_MS = 1_000;

/**
 * Emits `health`, and `advice` with a TrunklineError ERR_TRUNKLINE_STORE_LACKS when the server lets the client work, and not as well as it
 * could, e.g. because keyspace notifications are off.
 */
export class RedisStoreClient extends EventEmitter implements RegistryUpstream {
  readonly #settings: RedisSettings;
  readonly #watches = new WatchTable(backgroundClock);
  readonly #form: StoreForm;
  /** By key, the text that this client keeps in the store. */
  readonly #owned = new Map<string, string>();
  readonly #hold: ProcessHold;
  readonly #starting: Promise<void>;
  readonly #closing = new AbortController();
  readonly #serving = new AwaitedSession<RedisSession>(backgroundClock);
  /** The session that is open or being opened. */
  #open: RedisSession | undefined;
  /** The session that serves: watches are heard and known. */
  #session: RedisSession | undefined;
  readonly #advised = new Set<string>();
  #full: TrunklineError | undefined;
  readonly #standing = new Standing((health) => {
    if (!this.#closing.signal.aborted) this.emit('health', health);
  });

  constructor(options: RedisStoreOptions = {}) {
    super();
    this.#settings = settingsOf(options);
    this.#form =
      this.#settings.form === 'versioned'
        ? new VersionedForm(this.#settings, this.#watches)
        : new StringsForm(this.#settings, this.#watches);
    this.#starting = this.#start();
    // ready() tells. An instance that cannot start is of no more use, and must not keep the process alive.
    this.#starting.catch(() => this.#hold.close());
    // Last: an instance that could not be made must not keep the process alive.
    this.#hold = new ProcessHold();
  }

  ready(): Promise<void> {
    return this.#starting;
  }

  get health(): StoreHealth {
    return this.#standing.health;
  }

  /** The process stays alive until `close()`: the default. */
  ref(): void {
    this.#hold.ref();
  }

  /** The process may end, also while a reply of Redis is under way. */
  unref(): void {
    this.#hold.unref();
  }

  async subscribe(what: Watched, listener: StateListener): Promise<void> {
    this.#assertKey('key' in what ? what.key : what.prefix, 'prefix' in what);
    const watch = this.#watches.add(what, listener);
    const session = await this.#current();
    await session.listen([this.#form.topicOf(what)]);
    await this.#form.load(session, [watch]);
  }

  async unSubscribe(what: Watched): Promise<void> {
    if (this.#watches.remove(what)) await this.#session?.ignore(this.#form.topicOf(what));
  }

  async publish({ key, text }: OwnedEntry): Promise<void> {
    this.#assertKey(key);
    this.#assertSize(key, Buffer.byteLength(text));
    this.#owned.set(key, text);
    const session = await this.#current();
    // What was taken back meanwhile, or published with another text, must not come again.
    if (this.#owned.get(key) === text) await this.#write(() => this.#form.own(session, key, text));
  }

  async unPublish({ key, text }: OwnedEntry): Promise<void> {
    if (this.#owned.get(key) !== text) return;
    this.#owned.delete(key);
    const session = await this.#current();
    if (!this.#owned.has(key)) await this.#form.disown(session, key, text);
  }

  async get(key: string): Promise<StoredEntry | null> {
    this.#assertKey(key);
    return this.#form.get(await this.#current(), key);
  }

  async list(prefix: string): Promise<readonly StoredEntry[]> {
    this.#assertKey(prefix, true);
    return this.#form.list(await this.#current(), prefix);
  }

  async put(key: string, bytes: Uint8Array, options: WriteOptions = {}): Promise<number> {
    this.#assertKey(key);
    this.#assertSize(key, bytes.byteLength);
    const session = await this.#current();
    // ioredis writes a Uint8Array that is no Buffer as the decimal numbers of its bytes.
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return this.#write(() => this.#form.put(session, key, buffer, options));
  }

  async delete(key: string, options: WriteOptions = {}): Promise<boolean> {
    this.#assertKey(key);
    const session = await this.#current();
    return this.#write(() => this.#form.delete(session, key, options));
  }

  /** Takes back what this client owns, if the server answers. Idempotent. */
  async close(): Promise<void> {
    if (this.#closing.signal.aborted) return;
    const session = this.#session;
    this.#closing.abort();
    this.#hold.ref(); // until the server has taken back the entries
    this.#watches.close();
    if (session && this.#owned.size > 0) {
      const leaving = this.#form.leave(session, this.#owned).catch(() => undefined); // the time to live does the rest
      await within(backgroundClock, LEAVE_MS, leaving);
    }
    const closed = new TrunklineError('ERR_TRUNKLINE_CLOSED', `${this.#settings.server}: the client is closed`);
    this.#open?.end(closed);
    this.#serving.end(closed);
    this.#hold.close();
  }

  /** Opens the first session; a client that cannot is not tried again, because its owner makes a new one. */
  async #start(): Promise<void> {
    const session = await this.#begin();
    void this.#keep(session);
  }

  /** Opens a session after each session that ends, until the client is closed. */
  async #keep(first: RedisSession): Promise<void> {
    const { signal } = this.#closing;
    const backoff = new Backoff(RETRY_MIN_MS, RETRY_MAX_MS);
    let session: RedisSession | undefined = first;
    while (!signal.aborted) {
      if (session) {
        await this.#beat(session);
        this.#session = undefined;
        if (!signal.aborted) this.#standing.set('server', await session.ended);
        backoff.reset();
      }
      await delay(backgroundClock, backoff.nextMs(), signal, false);
      if (signal.aborted) return;
      session = await this.#begin().catch((error: TrunklineError) => {
        this.#standing.set('server', error);
        return undefined;
      });
    }
  }

  /** Opens a session that knows all watches and owns what this client owns. @throws TrunklineError */
  async #begin(): Promise<RedisSession> {
    const session: RedisSession = await RedisSession.open(
      this.#settings,
      (channel, message) => this.#form.heard(session, channel, message),
      (opened) => {
        this.#open = opened;
        if (this.#closing.signal.aborted) opened.end(new TrunklineError('ERR_TRUNKLINE_CLOSED', 'the client is closed'));
      },
    );
    try {
      await assertNotOld(session, this.#settings.server);
      const advice = await this.#form.check(session);
      if (advice !== undefined) this.#advise(advice);
      // Hear first, then read: what changes between the two would be lost otherwise.
      await session.listen([...this.#watches].map(({ what }) => this.#form.topicOf(what)));
      await this.#form.pulse(session, this.#owned, false);
      this.#form.beginAnew();
      await this.#form.load(session, [...this.#watches]);
      await this.#form.restore(session, this.#owned).catch((error: TrunklineError) => this.#note(error));
      if (session.isOver) throw await session.ended;
    } catch (error) {
      session.end(error as TrunklineError);
      throw error;
    }
    this.#session = session;
    this.#tell();
    this.#serving.serves(session);
    return session;
  }

  /** A pulse each second, until the session ends. */
  async #beat(session: RedisSession): Promise<void> {
    const ended = new AbortController();
    void session.ended.then(() => ended.abort());
    for (;;) {
      await delay(backgroundClock, PULSE_MS, ended.signal, false);
      if (session.isOver) return;
      try {
        const { isOwned, isFull, isNew } = await this.#form.pulse(session, this.#owned, this.#full !== undefined);
        if (isNew) {
          this.#form.beginAnew();
          await this.#form.load(session, [...this.#watches]);
        }
        if (!isFull) this.#full = undefined;
        if (!isOwned || isNew) await this.#form.restore(session, this.#owned);
        this.#tell();
      } catch (error) {
        if (!session.isOver) this.#note(error as TrunklineError);
      }
    }
  }

  /** The session that serves; waits a moment for the next one. @throws TrunklineError */
  #current(): Promise<RedisSession> {
    const session = this.#session;
    if (session && !session.isOver) return Promise.resolve(session);
    if (this.#closing.signal.aborted) {
      return Promise.reject(new TrunklineError('ERR_TRUNKLINE_CLOSED', `${this.#settings.server}: the client is closed`));
    }
    return this.#serving.next(CALL_WAIT_MS, () => this.#away());
  }

  #away(): Error {
    const { server } = this.#settings;
    return (
      this.#standing.health.error ??
      new TrunklineError('ERR_TRUNKLINE_STORE_UNREACHABLE', `${server} is away; try again`, { server })
    );
  }

  /** A write that is refused for want of memory makes the client degraded until writes work again. */
  async #write<T>(write: () => Promise<T>): Promise<T> {
    try {
      const result = await write();
      this.#full = undefined;
      this.#tell();
      return result;
    } catch (error) {
      const { code, message } = error as TrunklineError;
      if (code === 'ERR_TRUNKLINE_STORE_FULL') this.#note(error as TrunklineError);
      if (code !== 'ERR_TRUNKLINE_STORE_UNREACHABLE' || /READONLY/.test((error as { cause?: Error }).cause?.message ?? '')) {
        throw error;
      }
      const facts = { server: this.#settings.server, mayHaveRun: true, cause: error };
      throw new TrunklineError(code, `${message}; the write was sent and may have been executed`, facts);
    }
  }

  /** The session goes on, and something is refused. */
  #note(error: TrunklineError): void {
    if (error.code === 'ERR_TRUNKLINE_STORE_FULL') {
      this.#full = error;
      this.#tell();
    } else this.#standing.set('server', error);
  }

  /** Gives each advice once. */
  #advise(why: string): void {
    if (this.#advised.has(why)) return;
    this.#advised.add(why);
    const { server } = this.#settings;
    defaultLogger.warn(`${server} ${why}`);
    this.emit('advice', new TrunklineError('ERR_TRUNKLINE_STORE_LACKS', `${server} ${why}`, { server }));
  }

  #tell(): void {
    if (this.#session && !this.#session.isOver) this.#standing.set('server', this.#full);
  }

  #assertKey(key: string, mayBeEmpty = false): void {
    if ((key !== '' || mayBeEmpty) && isWellFormed(key)) return;
    const sentence = `${this.#settings.server}: the key ${JSON.stringify(key)} is empty, or no text that UTF-8 can express`;
    throw new TrunklineError('ERR_TRUNKLINE_KEY_INVALID', sentence, { server: this.#settings.server, key });
  }

  #assertSize(key: string, bytes: number): void {
    const { maxValueBytes, server } = this.#settings;
    if (bytes <= maxValueBytes) return;
    const sentence = `${server}: the value of ${key} has ${bytes} bytes, and maxValueBytes is ${maxValueBytes}; split the value or raise the option`;
    throw new TrunklineError('ERR_TRUNKLINE_VALUE_TOO_LARGE', sentence, { server, key, bytes, limitBytes: maxValueBytes });
  }
}
