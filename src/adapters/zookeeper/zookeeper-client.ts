// The upstream client over ZooKeeper: a session at a time, and another when the session has ended. What is watched and what is
// registered outlives both connections and sessions (node-mirror.ts, owned-nodes.ts).

import { EventEmitter } from 'node:events';
import { TrunklineError } from '../../errors';
import { Backoff, backgroundClock, systemClock, type Timer } from '../../time';
import { AwaitedSession } from '../awaited-session';
import { ProcessHold } from '../process-hold';
import type { OwnedEntry, RegistryUpstream, StoredEntry, StoreHealth, Watched, WriteOptions } from '../registry';
import { Standing } from '../standing';
import { WatchTable, type StateListener } from '../watch-table';
import { KeyStore } from './key-store';
import { NodeMirror } from './node-mirror';
import { OwnedNodes } from './owned-nodes';
import { Paths } from './paths';
import { Session } from './session';
import { inDoubt, isUnreachable, refused, unreachable } from './zookeeper-failure';
import { resolveZooKeeperOptions, type ResolvedZooKeeperOptions, type ZooKeeperOptions } from './zookeeper-options';
import { CODE, numberOf } from './zookeeper-package';

/** How long a call waits for a connection, ms: less than what followers wait for an answer, so that the reason reaches callers. */
const CALL_PATIENCE_MS = 2_000;
/** Time between two sessions, ms. */
const RENEW_MIN_MS = 100;
const RENEW_MAX_MS = 10_000;

export class ZooKeeperClient extends EventEmitter implements RegistryUpstream {
  readonly #options: ResolvedZooKeeperOptions;
  readonly #paths: Paths;
  readonly #table = new WatchTable(backgroundClock);
  readonly #hold: ProcessHold;
  readonly #mirror: NodeMirror;
  readonly #owned: OwnedNodes;
  readonly #store: KeyStore;
  readonly #backoff = new Backoff(RENEW_MIN_MS, RENEW_MAX_MS);
  readonly #starting: Promise<void>;
  #started!: { resolve(): void; reject(reason: Error): void };
  #session: Session | undefined;
  /** Whether the present session may be used: the server has answered, and allows the root. */
  #isUsable = false;
  /** The newest transaction that any session has seen. */
  #seen: Buffer | undefined;
  readonly #serving = new AwaitedSession<Session>(backgroundClock);
  #renewal: Timer | undefined;
  #isClosed = false;
  readonly #standing = new Standing((health) => {
    if (!this.#isClosed) this.emit('health', health);
  });

  /** @throws TrunklineError ERR_TRUNKLINE_OPTION_INVALID, ERR_TRUNKLINE_PACKAGE_MISSING */
  constructor(options: ZooKeeperOptions) {
    super();
    this.#options = resolveZooKeeperOptions(options);
    const { name, root, maxRequestBytes } = this.#options;
    const failed = (error: Error): void => void this.emit('error', error);
    this.#paths = new Paths(name, root);
    this.#mirror = new NodeMirror(name, this.#paths, this.#table, { failed });
    this.#owned = new OwnedNodes(name, this.#paths, failed);
    this.#store = new KeyStore(name, this.#paths, maxRequestBytes);
    this.#starting = new Promise((resolve, reject) => (this.#started = { resolve, reject }));
    // ready() tells. An instance that cannot start is of no more use, and must not keep the process alive.
    this.#starting.catch(() => this.#hold.close());
    this.#open(undefined);
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

  /** The process may end, also while an answer of ZooKeeper is under way. */
  unref(): void {
    this.#hold.unref();
  }

  async subscribe(what: Watched, listener: StateListener): Promise<void> {
    this.#paths.assertWatched(what);
    await this.#mirror.begin(this.#table.add(what, listener));
  }

  unSubscribe(what: Watched): Promise<void> {
    if (this.#table.remove(what)) this.#mirror.end(what);
    return Promise.resolve();
  }

  async publish(entry: OwnedEntry): Promise<void> {
    this.#paths.assertKey(entry.key);
    this.#store.assertFits(entry.key, Buffer.from(entry.text));
    await this.#owned.publish(entry);
  }

  async unPublish(entry: OwnedEntry): Promise<void> {
    await this.#owned.unPublish(entry);
  }

  async get(key: string): Promise<StoredEntry | null> {
    this.#paths.assertKey(key);
    return this.#read((session) => this.#store.get(session, key));
  }

  async list(prefix: string): Promise<readonly StoredEntry[]> {
    this.#paths.assertPrefix(prefix);
    return this.#read((session) => this.#store.list(session, prefix));
  }

  async put(key: string, bytes: Uint8Array, options: WriteOptions = {}): Promise<number> {
    this.#paths.assertKey(key);
    this.#store.assertFits(key, bytes);
    const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return this.#write(`put of ${key}`, (session) => this.#store.put(session, key, buffer, options));
  }

  async delete(key: string, options: WriteOptions = {}): Promise<boolean> {
    this.#paths.assertKey(key);
    return this.#write(`delete of ${key}`, (session) => this.#store.delete(session, key, options));
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#hold.ref(); // until the server has dropped the session
    this.#isUsable = false;
    const reason = new TrunklineError('ERR_TRUNKLINE_CLOSED', `zookeeper at ${this.#options.name}: the client was closed`);
    this.#started.reject(reason);
    this.#serving.end(reason);
    systemClock.clearTimeout(this.#renewal);
    this.#table.close();
    this.#mirror.close();
    this.#owned.detach();
    await this.#session?.close();
    this.#hold.close();
  }

  /** @param seen see Session */
  #open(seen: Buffer | undefined): void {
    const session: Session = new Session(this.#options, seen, {
      connected: () => void this.#attach(session),
      lost: (reason) => this.#onLost(reason),
      over: (reason, why) => this.#onOver(session, reason, why),
      changed: (event) => {
        this.#mirror.changed(event);
        this.#owned.changed(event.path);
      },
    });
    this.#session = session;
    session.start();
  }

  async #attach(session: Session): Promise<void> {
    try {
      const path = this.#paths.pathOf('');
      const { code, zxid } = await session.children(path, false);
      if (code !== CODE.ok && code !== CODE.noNode) throw refused(this.#options.name, `reading ${path}`, code);
      const hasLostData = this.#seen !== undefined && zxid < numberOf(this.#seen);
      this.#seen = undefined;
      this.#isUsable = true;
      this.#backoff.reset();
      this.#started.resolve();
      this.#serving.serves(session);
      const owned = this.#owned.attach(session);
      await this.#mirror.attach(session, hasLostData);
      await owned;
      if (session.isConnected) this.#standing.set('server', undefined);
    } catch (error) {
      // A connection that was lost meanwhile is reported as such.
      if (!isUnreachable(error)) this.#onRefused(session, error as Error);
    }
  }

  /** The user may not read the root: only a person can change that. Tried again, because a person may. */
  #onRefused(session: Session, reason: Error): void {
    void session.close();
    this.#onOver(session, reason, 'denied');
  }

  #onLost(reason: Error): void {
    this.#isUsable = false;
    this.#mirror.detach();
    this.#owned.detach();
    this.#started.reject(reason); // without effect after the start
    this.#standing.set('server', reason);
  }

  #onOver(session: Session, reason: Error, why: 'expired' | 'forgotten' | 'denied'): void {
    this.#onLost(reason);
    if (this.#isClosed) return;
    const seen = Buffer.from(session.seen);
    // Servers that are behind what was read here are refused, except when no other server is left: then all data are new.
    this.#seen = why === 'forgotten' ? seen : undefined;
    this.#renewal = backgroundClock.setTimeout(() => this.#open(why === 'expired' ? seen : undefined), this.#backoff.nextMs());
  }

  /** Reads may be repeated after a cut. */
  async #read<T>(run: (session: Session) => Promise<T>): Promise<T> {
    const endsAt = systemClock.now() + CALL_PATIENCE_MS;
    for (;;) {
      const session = await this.#connected(endsAt);
      try {
        return await run(session);
      } catch (error) {
        if (!isUnreachable(error) || systemClock.now() >= endsAt) throw error;
      }
    }
  }

  async #write<T>(what: string, run: (session: Session) => Promise<T>): Promise<T> {
    const session = await this.#connected(systemClock.now() + CALL_PATIENCE_MS);
    try {
      return await run(session);
    } catch (error) {
      throw isUnreachable(error) ? inDoubt(this.#options.name, what, error) : error;
    }
  }

  /** @throws (rejects) TrunklineError ERR_TRUNKLINE_STORE_UNREACHABLE, with the reason why there is no connection */
  #connected(endsAt: number): Promise<Session> {
    if (this.#isUsable) return Promise.resolve(this.#session!);
    return this.#serving.next(
      Math.max(0, endsAt - systemClock.now()),
      () => this.#standing.health.error ?? unreachable(this.#options.name, 'there is no connection yet'),
    );
  }
}
