// Plain keys that other programs write with SET. Redis says only that a key has changed, so the key is read then; where Redis may not say
// even that, the watched keys are read again and again. Versions are this client's own, one for each value that it has seen.

import { createHash } from 'node:crypto';
import { TrunklineError } from '../../errors';
import { backgroundClock } from '../../time';
import { isKeyWatch, type StoredEntry, type Watched, type WriteOptions } from '../registry';
import type { WatchedKeys, WatchTable } from '../watch-table';
import type { RedisSettings } from './redis-options';
import type { RedisSession, Topic } from './redis-session';
import { literal, type PulseResult, type StoreForm } from './store-form';
import { STRINGS_DISOWN, STRINGS_OWN, STRINGS_REPLACE } from './strings-scripts';
import { conflict } from './versioned-form';

/** How many keys are read by one command. */
const KEYS_AT_ONCE = 200;
/** How many keys of the server one step of SCAN looks at. */
const SCAN_COUNT = 1_000;
/** With notifications the watched keys are still read this often, ms: FLUSHALL and SWAPDB notify of no key. */
const LOOK_AGAIN_MS = 30_000;
/** What must be notified of: keyspace events (K) of strings ($), of any key (g), of expired (x) and evicted (e) keys; A is all of these. */
const EVENTS = ['$', 'g', 'x', 'e'];
/** Versions of keys that nobody watches are remembered for the last keys that were read. */
const MAX_SEEN = 10_000;
/** Who owns a key: a text with the time to live of the key. */
const OWNER_PREFIX = 'trunkline:owner:';

interface Seen {
  readonly version: number;
  readonly digest: string;
}

export class StringsForm implements StoreForm {
  readonly #settings: RedisSettings;
  readonly #watches: WatchTable;
  /** Counts the reads. One connection reads, and Redis answers in order, so that a later read knows more. */
  #order = 0;
  #lastVersion = 0;
  readonly #seen = new Map<string, Seen>();
  readonly #changed = new Set<string>();
  /** The session that reads what was heard of. */
  #reader: RedisSession | undefined;
  #events = '';
  #lookEveryMs = LOOK_AGAIN_MS;
  #nextLookAt = 0;
  #nextRenewalAt = 0;

  constructor(settings: RedisSettings, watches: WatchTable) {
    this.#settings = settings;
    this.#watches = watches;
  }

  async check(session: RedisSession): Promise<string | undefined> {
    this.#events = `__keyspace@${session.database}__:`;
    const advice = await this.#whyNotNotified(session);
    this.#lookEveryMs = advice === undefined ? LOOK_AGAIN_MS : this.#settings.pollMs;
    this.#nextLookAt = backgroundClock.now() + this.#lookEveryMs;
    return advice && `${advice}; until then the watched keys are read every ${this.#lookEveryMs} ms`;
  }

  topicOf(what: Watched): Topic {
    const start = this.#events + this.#settings.prefix;
    if (isKeyWatch(what)) return { channel: start + what.key };
    return { pattern: `${literal(start + what.prefix)}*`, wide: `${this.#events}*` };
  }

  heard(session: RedisSession, channel: string): void {
    if (!channel.startsWith(this.#events)) return;
    const key = this.#keyOf(channel.slice(this.#events.length));
    if (key === undefined) return;
    this.#changed.add(key);
    if (this.#reader !== session) void this.#readChanged(session);
  }

  beginAnew(): void {
    // Orders count the reads of this client, and go on.
  }

  async load(session: RedisSession, watches: readonly WatchedKeys[]): Promise<void> {
    const single = watches.filter(({ what }) => isKeyWatch(what));
    const reads = watches.filter(({ what }) => !isKeyWatch(what)).map((watch) => this.#loadPrefix(session, watch));
    for (let from = 0; from < single.length; from += KEYS_AT_ONCE) {
      reads.push(this.#loadKeys(session, single.slice(from, from + KEYS_AT_ONCE)));
    }
    await Promise.all(reads);
  }

  async pulse(session: RedisSession, owned: ReadonlyMap<string, string>, probes: boolean): Promise<PulseResult> {
    await session.pulse((channel, token) => session.call('PUBLISH', channel, token));
    const now = backgroundClock.now();
    if (now >= this.#nextLookAt) {
      this.#nextLookAt = now + this.#lookEveryMs;
      await this.load(session, [...this.#watches]);
    }
    const isDue = owned.size > 0 && now >= this.#nextRenewalAt;
    return { isOwned: !isDue, isFull: probes && (await this.#isFull(session)), isNew: false };
  }

  async get(session: RedisSession, key: string): Promise<StoredEntry | null> {
    try {
      const bytes = await session.call<Buffer | null>('GET', this.#nameOf(key));
      return bytes ? this.#entryOf(key, bytes) : null;
    } catch (error) {
      if (!/WRONGTYPE/.test((error as Error).message)) throw error;
      const { server } = this.#settings;
      const sentence = `${server}: ${this.#nameOf(key)} is no string but another type of Redis; choose another key`;
      throw new TrunklineError('ERR_TRUNKLINE_KEY_INVALID', sentence, { server, key, cause: error });
    }
  }

  async list(session: RedisSession, prefix: string): Promise<StoredEntry[]> {
    const { entries } = await this.#scan(session, prefix);
    return entries;
  }

  async put(session: RedisSession, key: string, bytes: Buffer, { ifVersion }: WriteOptions): Promise<number> {
    const name = this.#nameOf(key);
    if (ifVersion === undefined) await session.call('SET', name, bytes);
    else if (ifVersion === 0) {
      if ((await session.call('SET', name, bytes, 'NX')) === null) throw conflict(this.#settings.server, key, 0, undefined);
    } else await this.#replace(session, key, ifVersion, bytes);
    return this.#entryOf(key, bytes).version;
  }

  async delete(session: RedisSession, key: string, { ifVersion }: WriteOptions): Promise<boolean> {
    if (ifVersion === undefined) return (await session.call<number>('DEL', this.#nameOf(key))) === 1;
    if (ifVersion === 0) {
      if ((await session.call<number>('EXISTS', this.#nameOf(key))) === 0) return false;
      throw conflict(this.#settings.server, key, 0, undefined);
    }
    await this.#replace(session, key, ifVersion);
    return true;
  }

  own(session: RedisSession, key: string, text: string): Promise<void> {
    return this.#own(session, 'publish', key, text);
  }

  async restore(session: RedisSession, entries: ReadonlyMap<string, string>): Promise<void> {
    this.#nextRenewalAt = backgroundClock.now() + this.#settings.timeToLiveMs / 3;
    await Promise.all([...entries].map(([key, text]) => this.#own(session, 'restore', key, text)));
  }

  async disown(session: RedisSession, key: string, text: string): Promise<void> {
    await session.run(STRINGS_DISOWN, this.#ownedNames(key), this.#settings.owner, text);
  }

  async leave(session: RedisSession, entries: ReadonlyMap<string, string>): Promise<void> {
    await Promise.all([...entries].map(([key, text]) => this.disown(session, key, text)));
  }

  async #own(session: RedisSession, mode: 'publish' | 'restore', key: string, text: string): Promise<void> {
    const { owner, timeToLiveMs } = this.#settings;
    await session.run(STRINGS_OWN, this.#ownedNames(key), owner, timeToLiveMs, mode, text);
  }

  #ownedNames(key: string): [string, string] {
    const name = this.#nameOf(key);
    return [name, OWNER_PREFIX + name];
  }

  /** Replaces the value that this client knows by this version, or deletes it. @throws TrunklineError ERR_TRUNKLINE_VERSION_CONFLICT */
  async #replace(session: RedisSession, key: string, version: number, bytes?: Buffer): Promise<void> {
    const seen = this.#seen.get(key);
    const isDone =
      seen?.version === version &&
      (await session.run(STRINGS_REPLACE, [this.#nameOf(key)], seen.digest, ...(bytes ? [bytes] : []))) === 1;
    if (!isDone) throw conflict(this.#settings.server, key, version, undefined);
  }

  /** @returns undefined where Redis notifies of all that matters, else what to tell the user */
  async #whyNotNotified(session: RedisSession): Promise<string | undefined> {
    const missing = (flags: string): string[] =>
      [...EVENTS, 'K'].filter((flag) => !flags.includes(flag) && !(flag !== 'K' && flags.includes('A')));
    try {
      const [, flags = Buffer.of()] = await session.call<Buffer[]>('CONFIG', 'GET', 'notify-keyspace-events');
      const present = flags.toString('latin1');
      if (missing(present).length === 0) return undefined;
      const wanted = present + missing(present).join('');
      if (!this.#settings.configureNotifications) {
        return `notifies of no changes of keys; CONFIG SET notify-keyspace-events ${wanted}, or the option configureNotifications`;
      }
      await session.call('CONFIG', 'SET', 'notify-keyspace-events', wanted);
      return undefined;
    } catch (error) {
      if (session.isOver) throw error;
      return `does not let this client see or set notify-keyspace-events (${(error as Error).message})`;
    }
  }

  /** Reads what was heard of, until nothing more has changed meanwhile. */
  async #readChanged(session: RedisSession): Promise<void> {
    this.#reader = session;
    try {
      while (this.#changed.size > 0 && !session.isOver) {
        const keys = [...this.#changed].slice(0, KEYS_AT_ONCE);
        for (const key of keys) this.#changed.delete(key);
        const { entries, order } = await this.#readKeys(session, keys);
        if (session.isOver) return;
        keys.forEach((key, index) => this.#watches.change({ key, entry: entries[index], order }));
      }
    } catch (error) {
      // The next session reads everything, or says again what is refused.
      session.end(error as TrunklineError);
    } finally {
      if (this.#reader === session) this.#reader = undefined;
    }
  }

  async #readKeys(
    session: RedisSession,
    keys: readonly string[],
  ): Promise<{ entries: (StoredEntry | undefined)[]; order: number }> {
    const order = ++this.#order;
    const values = await session.call<(Buffer | null)[]>('MGET', ...keys.map((key) => this.#nameOf(key)));
    return { order, entries: values.map((bytes, index) => (bytes ? this.#entryOf(keys[index]!, bytes) : undefined)) };
  }

  async #loadKeys(session: RedisSession, watches: readonly WatchedKeys[]): Promise<void> {
    const keys = watches.map(({ what }) => (what as { key: string }).key);
    const { entries, order } = await this.#readKeys(session, keys);
    if (session.isOver) return;
    watches.forEach((watch, index) => watch.whole(entries[index] ? [entries[index]] : [], order));
  }

  async #loadPrefix(session: RedisSession, watch: WatchedKeys): Promise<void> {
    const { order, entries, orders } = await this.#scan(session, (watch.what as { prefix: string }).prefix);
    if (!session.isOver) watch.whole(entries, order, ({ key }) => orders.get(key)!);
  }

  /** Reads are not made at one moment: each entry is as new as its own read, and a key that is missing is as old as the beginning. */
  async #scan(
    session: RedisSession,
    prefix: string,
  ): Promise<{ order: number; entries: StoredEntry[]; orders: Map<string, number> }> {
    const order = ++this.#order;
    const found = new Map<string, StoredEntry>();
    const orders = new Map<string, number>();
    const pattern = `${literal(this.#nameOf(prefix))}*`;
    let cursor = '0';
    do {
      const step = await session.call<[Buffer, Buffer[]]>(
        'SCAN',
        cursor,
        'MATCH',
        pattern,
        'COUNT',
        SCAN_COUNT,
        'TYPE',
        'string',
      );
      cursor = step[0].toString('latin1');
      const keys = step[1].flatMap((name) => this.#keyOf(name.toString('utf8')) ?? []);
      for (let from = 0; from < keys.length; from += KEYS_AT_ONCE) {
        const read = await this.#readKeys(session, keys.slice(from, from + KEYS_AT_ONCE));
        for (const entry of read.entries) {
          if (!entry) continue;
          found.set(entry.key, entry);
          orders.set(entry.key, read.order);
        }
      }
    } while (cursor !== '0');
    return { order, orders, entries: [...found.values()].sort((a, b) => (a.key < b.key ? -1 : 1)) };
  }

  /** Another value gets a larger version, also larger than what an earlier client of this host has given: time is a part of the version. */
  #entryOf(key: string, bytes: Buffer): StoredEntry {
    const digest = createHash('sha1').update(bytes).digest('hex');
    let seen = this.#seen.get(key);
    if (seen?.digest !== digest) {
      this.#lastVersion = Math.max(this.#lastVersion + 1, Date.now() * 1_000);
      seen = { version: this.#lastVersion, digest };
    }
    this.#seen.delete(key);
    this.#seen.set(key, seen);
    if (this.#seen.size > MAX_SEEN) this.#forget();
    return { key, version: seen.version, bytes };
  }

  /** Forgets the key that was read longest ago and that nobody watches. */
  #forget(): void {
    for (const key of this.#seen.keys()) {
      if ([...this.#watches].some((watch) => watch.covers(key))) continue;
      this.#seen.delete(key);
      return;
    }
  }

  /** Tries a write that leaves nothing behind. */
  async #isFull(session: RedisSession): Promise<boolean> {
    try {
      await session.call('SET', `${OWNER_PREFIX}probe`, '', 'PX', 1);
      return false;
    } catch (error) {
      if ((error as TrunklineError).code === 'ERR_TRUNKLINE_STORE_FULL') return true;
      throw error;
    }
  }

  /** @returns undefined for names that are no keys of users */
  #keyOf(name: string): string | undefined {
    const { prefix } = this.#settings;
    return name.startsWith(prefix) && !name.startsWith(OWNER_PREFIX) ? name.slice(prefix.length) : undefined;
  }

  #nameOf(key: string): string {
    return this.#settings.prefix + key;
  }
}
