// The upstream client over etcd's JSON gateway: keys of etcd, and registrations that hang on a lease.

import { EventEmitter } from 'node:events';
import { TrunklineError } from '../../errors';
import { reasonOf } from '../../etcd/etcd-failure';
import { EtcdGateway } from '../../etcd/etcd-gateway';
import type { TxnRequest } from '../../etcd/etcd-types';
import { backgroundClock, type Timer } from '../../time';
import { isWellFormed } from '../key-text';
import { ProcessHold } from '../process-hold';
import type { OwnedEntry, RegistryUpstream, StoredEntry, StoreHealth, Watched, WriteOptions } from '../registry';
import { WatchTable, type StateListener, type WatchedKeys } from '../watch-table';
import { resolveClientOptions, type EtcdClientOptions } from './etcd-client-options';
import { FollowedRange, storedOf } from './followed-range';
import { OwnedKeys } from './owned-keys';
import { RevisionOrder } from './revision-order';
import { Standing } from '../standing';

/** How often etcd is asked for alarms, ms: nothing else tells that writes would be refused. */
const LOOK_MS = 10_000;
/** How often etcd is asked while there is trouble, ms. */
const LOOK_IN_TROUBLE_MS = 1_000;

/** Methods that processes share are `async` by syntax, which trunkline recognizes. */
export class EtcdClient extends EventEmitter implements RegistryUpstream {
  readonly #gateway: EtcdGateway;
  readonly #hold: ProcessHold;
  readonly #standing = new Standing((health) => {
    if (!this.#isClosed) this.emit('health', health);
  });
  readonly #watches = new WatchTable(backgroundClock);
  readonly #order = new RevisionOrder();
  readonly #followed = new Map<WatchedKeys, FollowedRange>();
  readonly #owned: OwnedKeys;
  readonly #starting: Promise<void>;
  #look: Timer | undefined;
  #isClosed = false;

  /** @throws TrunklineError ERR_TRUNKLINE_OPTION_INVALID */
  constructor(options: EtcdClientOptions) {
    super();
    const { etcd, timeToLiveSeconds } = resolveClientOptions(options);
    this.#gateway = new EtcdGateway(etcd);
    this.#owned = new OwnedKeys(this.#gateway, timeToLiveSeconds, this.#standing);
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
    this.#gateway.ref();
  }

  /** The process may end when no answer of etcd is under way; watches do not count. */
  unref(): void {
    this.#hold.unref();
    this.#gateway.unref();
  }

  async subscribe(what: Watched, listener: StateListener): Promise<void> {
    const watched = this.#watches.add(what, listener);
    let followed = this.#followed.get(watched);
    if (!followed) {
      followed = new FollowedRange(this.#gateway, watched, this.#order, this.#standing);
      this.#followed.set(watched, followed);
    }
    try {
      await followed.confirmed;
    } catch (error) {
      if (this.#followed.get(watched) === followed) await this.unSubscribe(what);
      throw error;
    }
  }

  unSubscribe(what: Watched): Promise<void> {
    const watched = this.#watches.remove(what);
    if (watched) {
      this.#followed.get(watched)?.close();
      this.#followed.delete(watched);
    }
    return Promise.resolve();
  }

  async publish(entry: OwnedEntry): Promise<void> {
    return this.#about(entry.key, () => this.#owned.publish(entry));
  }

  async unPublish(entry: OwnedEntry): Promise<void> {
    return this.#about(entry.key, () => this.#owned.unPublish(entry));
  }

  async get(key: string): Promise<StoredEntry | null> {
    return this.#about(key, async () => {
      const entry = await this.#gateway.get(key);
      return entry ? storedOf(entry)[0]! : null;
    });
  }

  async list(prefix: string): Promise<readonly StoredEntry[]> {
    return (await this.#gateway.readAll({ prefix })).entries.flatMap(storedOf);
  }

  async put(key: string, bytes: Uint8Array, options?: WriteOptions): Promise<number> {
    return this.#about(key, async () => {
      const put = { key, value: bytes };
      const { ifVersion } = options ?? {};
      const revision =
        ifVersion === undefined
          ? (await this.#gateway.put(put)).revision
          : await this.#ifVersion(key, ifVersion, { then: [{ put }] });
      this.#standing.set('space', undefined); // a user who may not ask for alarms learns by writing
      return Number(revision);
    });
  }

  async delete(key: string, options?: WriteOptions): Promise<boolean> {
    return this.#about(key, async () => {
      const { ifVersion } = options ?? {};
      if (ifVersion === undefined) return (await this.#gateway.delete({ key })).deleted > 0;
      await this.#ifVersion(key, ifVersion, { then: [{ delete: { key } }] });
      return ifVersion > 0;
    });
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#hold.close();
    backgroundClock.clearTimeout(this.#look);
    for (const followed of this.#followed.values()) followed.close();
    this.#followed.clear();
    this.#watches.close();
    await this.#owned.close();
    await this.#gateway.close();
  }

  async #start(): Promise<void> {
    try {
      // A read tells whether etcd is there, has a majority, and takes the password; which keys this user may read is not known yet.
      await this.#gateway.range({ key: 'trunkline', countOnly: true });
    } catch (error) {
      if (reasonOf(error) !== 'not-permitted') throw error;
    }
    await this.#lookAround();
  }

  /** What nobody tells: an alarm, and a server that is away while there is no request. */
  async #lookAround(): Promise<void> {
    try {
      const alarms = await this.#gateway.alarms();
      const isFull = alarms.some(({ kind }) => kind === 'NOSPACE');
      this.#standing.set('space', isFull ? this.#overQuota() : undefined);
      this.#standing.set('server', undefined);
    } catch (error) {
      if (error instanceof TrunklineError && error.code === 'ERR_TRUNKLINE_STORE_UNREACHABLE')
        this.#standing.set('server', error);
    }
    this.#lookIn(this.#standing.health.ok ? LOOK_MS : LOOK_IN_TROUBLE_MS);
  }

  #lookIn(delayMs: number): void {
    if (this.#isClosed) return;
    backgroundClock.clearTimeout(this.#look);
    this.#look = backgroundClock.setTimeout(() => void this.#lookAround(), delayMs);
  }

  #overQuota(): TrunklineError {
    const sentence =
      `etcd at ${this.#gateway.addresses}: over its quota, so that writes are refused while reads and leases go on; ` +
      'compact and defragment etcd or raise its quota, then disarm the alarm NOSPACE';
    return new TrunklineError('ERR_TRUNKLINE_STORE_FULL', sentence, { server: this.#gateway.addresses });
  }

  /** @returns the revision @throws TrunklineError ERR_TRUNKLINE_VERSION_CONFLICT */
  async #ifVersion(key: string, ifVersion: number, write: Pick<TxnRequest, 'then'>): Promise<bigint> {
    if (!Number.isSafeInteger(ifVersion) || ifVersion < 0) {
      const sentence = `etcd: ifVersion is a version that was read, or 0, but got ${ifVersion}`;
      throw new TrunklineError('ERR_TRUNKLINE_OPTION_INVALID', sentence, { option: 'ifVersion' });
    }
    const { succeeded, revision, results } = await this.#gateway.txn({
      if: [{ key, modRevision: ifVersion }],
      ...write,
      else: [{ range: { key, keysOnly: true } }],
    });
    if (succeeded) return revision;
    const [answer] = results;
    const version = Number((answer && 'range' in answer && answer.range.entries[0]?.modRevision) || 0);
    const server = this.#gateway.addresses;
    const has = version === 0 ? 'does not exist' : `has version ${version}`;
    const sentence = `etcd at ${server}: ${key} ${has}, but the write requires ${ifVersion}; read the key again`;
    throw new TrunklineError('ERR_TRUNKLINE_VERSION_CONFLICT', sentence, { server, version, ifVersion });
  }

  /** Errors of a verb name the key. */
  async #about<T>(key: string, verb: () => Promise<T>): Promise<T> {
    try {
      if (!isWellFormed(key)) {
        const sentence = `etcd: ${JSON.stringify(key)} is no key: half of a pair of UTF-16 has no form in UTF-8`;
        throw new TrunklineError('ERR_TRUNKLINE_KEY_INVALID', sentence);
      }
      return await verb();
    } catch (error) {
      if (!(error instanceof TrunklineError)) throw error;
      if (error.code === 'ERR_TRUNKLINE_STORE_FULL') {
        this.#standing.set('space', this.#overQuota());
        this.#lookIn(LOOK_IN_TROUBLE_MS);
      }
      throw Object.assign(error, { key });
    }
  }
}
