// Keys in hashes, written by scripts that give each change a version and publish the change with its value. States are put in order by
// version, never by arrival: what is read comes over one connection, and what is published over another.

import { TrunklineError } from '../../errors';
import { isKeyWatch, type StoredEntry, type Watched, type WriteOptions } from '../registry';
import type { WatchedKeys, WatchTable } from '../watch-table';
import type { RedisSettings } from './redis-options';
import type { Argument, RedisSession, Topic } from './redis-session';
import { DELETE, DISOWN, LEAVE, OWN, PULSE, READ, WRITE, type Script } from './scripts';
import { evictionAdvice } from './server-facts';
import { literal, type PulseResult, type StoreForm } from './store-form';

/** How many keys are read in one step of the server. */
const KEYS_AT_ONCE = 200;

/** A message of a change: the kind, the version, a line break, the value. */
const PUT = 'P'.charCodeAt(0);
const LINE_BREAK = '\n'.charCodeAt(0);

interface Snapshot {
  /** The last version of the store when all entries were read at one moment. */
  readonly version: number;
  readonly entries: StoredEntry[];
}

export class VersionedForm implements StoreForm {
  readonly #settings: RedisSettings;
  readonly #watches: WatchTable;
  readonly #channels: string;
  #epoch: string | undefined;

  constructor(settings: RedisSettings, watches: WatchTable) {
    this.#settings = settings;
    this.#watches = watches;
    this.#channels = `${settings.prefix}:changes:`;
  }

  async check(session: RedisSession): Promise<string | undefined> {
    // Runs a script, so that a server that has none is found out now.
    await this.#read(session, 'keys');
    return evictionAdvice(session);
  }

  topicOf(what: Watched): Topic {
    if (isKeyWatch(what)) return { channel: this.#channels + what.key };
    return { pattern: `${literal(this.#channels + what.prefix)}*`, wide: `${this.#channels}*` };
  }

  heard(_session: RedisSession, channel: string, message: Buffer): void {
    if (!channel.startsWith(this.#channels)) return;
    const key = channel.slice(this.#channels.length);
    const end = message.indexOf(LINE_BREAK);
    const version = Number(message.toString('latin1', 1, end));
    if (!Number.isSafeInteger(version)) return; // no message of the scripts
    // A copy: the message may be a part of a large buffer of the parser.
    const entry = message[0] === PUT ? { key, version, bytes: Buffer.from(message.subarray(end + 1)) } : undefined;
    this.#watches.change({ key, entry, order: version });
  }

  beginAnew(): void {
    this.#watches.beginAnew();
  }

  async load(session: RedisSession, watches: readonly WatchedKeys[]): Promise<void> {
    const single = watches.filter(({ what }) => isKeyWatch(what));
    const reads: Promise<void>[] = watches
      .filter(({ what }) => !isKeyWatch(what))
      .map(async (watch) => {
        const { entries, version } = await this.#read(session, 'prefix', (watch.what as { prefix: string }).prefix);
        if (!session.isOver) watch.whole(entries, version);
      });
    for (let from = 0; from < single.length; from += KEYS_AT_ONCE) {
      reads.push(this.#loadKeys(session, single.slice(from, from + KEYS_AT_ONCE)));
    }
    await Promise.all(reads);
  }

  async #loadKeys(session: RedisSession, watches: readonly WatchedKeys[]): Promise<void> {
    const keys = watches.map(({ what }) => (what as { key: string }).key);
    const { entries, version } = await this.#read(session, 'keys', ...keys);
    if (session.isOver) return;
    const byKey = new Map(entries.map((entry) => [entry.key, entry]));
    watches.forEach((watch, index) => {
      const entry = byKey.get(keys[index]!);
      watch.whole(entry ? [entry] : [], version);
    });
  }

  async pulse(session: RedisSession, entries: ReadonlyMap<string, string>, probes: boolean): Promise<PulseResult> {
    const { owner, timeToLiveMs } = this.#settings;
    let reply: [number, number, number] = [0, 0, 0];
    const epoch = await session.pulse(async (channel, token) => {
      reply = await this.#run(session, PULSE, owner, timeToLiveMs, channel, token, probes ? 1 : 0);
    });
    const [alive, owned, full] = reply;
    const isNew = this.#epoch !== undefined && this.#epoch !== epoch && this.#epoch !== '';
    this.#epoch = epoch;
    return { isOwned: entries.size === 0 || (alive === 1 && owned >= entries.size), isFull: full === 1, isNew };
  }

  async get(session: RedisSession, key: string): Promise<StoredEntry | null> {
    return (await this.#read(session, 'keys', key)).entries[0] ?? null;
  }

  async list(session: RedisSession, prefix: string): Promise<StoredEntry[]> {
    return (await this.#read(session, 'prefix', prefix)).entries;
  }

  async put(session: RedisSession, key: string, bytes: Buffer, { ifVersion }: WriteOptions): Promise<number> {
    const [isDone, version] = await this.#run<[number, number]>(session, WRITE, key, bytes, ifVersion ?? '');
    if (isDone === 0) throw conflict(this.#settings.server, key, ifVersion!, version);
    return version;
  }

  async delete(session: RedisSession, key: string, { ifVersion }: WriteOptions): Promise<boolean> {
    const [isDone, result] = await this.#run<[number, number]>(session, DELETE, key, ifVersion ?? '');
    if (isDone === 0) throw conflict(this.#settings.server, key, ifVersion!, result);
    return result === 1;
  }

  async own(session: RedisSession, key: string, text: string): Promise<void> {
    await this.#own(session, 'publish', [key, text]);
  }

  async restore(session: RedisSession, entries: ReadonlyMap<string, string>): Promise<void> {
    if (entries.size > 0) await this.#own(session, 'restore', [...entries].flat());
  }

  async disown(session: RedisSession, key: string): Promise<void> {
    await this.#run(session, DISOWN, this.#settings.owner, key);
  }

  async leave(session: RedisSession): Promise<void> {
    await this.#run(session, LEAVE, this.#settings.owner);
  }

  async #own(session: RedisSession, mode: 'publish' | 'restore', entries: readonly string[]): Promise<void> {
    await this.#run(session, OWN, this.#settings.owner, this.#settings.timeToLiveMs, mode, ...entries);
  }

  async #read(session: RedisSession, kind: 'keys' | 'prefix', ...texts: string[]): Promise<Snapshot> {
    const [version, ...found] = await this.#run<[number, ...unknown[]]>(session, READ, kind, ...texts);
    const entries: StoredEntry[] = [];
    for (let at = 0; at < found.length; at += 3) {
      const [key, own, bytes] = found.slice(at, at + 3) as [Buffer, number, Buffer];
      entries.push({ key: key.toString('utf8'), version: own, bytes });
    }
    return { version, entries: entries.sort((a, b) => (a.key < b.key ? -1 : 1)) };
  }

  #run<T>(session: RedisSession, script: Script, ...args: Argument[]): Promise<T> {
    const { prefix } = this.#settings;
    return session.run<T>(script, [`${prefix}:meta`], prefix, ...args);
  }
}

/** @param version the present one; 0: the key does not exist; undefined: not known */
export function conflict(server: string, key: string, ifVersion: number, version: number | undefined): TrunklineError {
  const has = version === undefined ? 'another version' : version === 0 ? 'no value' : `version ${version}`;
  const wanted = ifVersion === 0 ? 'that there is none' : `version ${ifVersion}`;
  const sentence = `${server}: ${key} has ${has}, and the write requires ${wanted}; read the key again and decide anew`;
  return new TrunklineError('ERR_TRUNKLINE_VERSION_CONFLICT', sentence, { server, key, ifVersion, version });
}
