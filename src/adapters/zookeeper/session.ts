// A session with ZooKeeper: a client of node-zookeeper-client from the first connection to the end of the session, with requests as
// promises. The session outlives connections. What the package does not do is done here: a server that is silent is noticed, half an
// answer of a broken connection is dropped, nothing is sent before the credentials, and no request waits for ever. A session does not keep the
// process alive.

import { backgroundClock, Backoff, patientTimeout, systemClock, type Patience, type Timer } from '../../time';
import { refused, unreachable, unreadable } from './zookeeper-failure';
import {
  CODE,
  EPHEMERAL,
  numberOf,
  PERSISTENT,
  STATE,
  zooKeeperPackage,
  type Acl,
  type Callback,
  type InnerConnection,
  type NodeEvent,
  type PackageClient,
  type Server,
  type Stat,
  type Transaction,
} from './zookeeper-package';
import type { ResolvedZooKeeperOptions } from './zookeeper-options';

/** Requests beyond these wait, so that a large read holds neither the memory of the server nor the pings. */
const MAX_UNDER_WAY = 64;
/** Time between two attempts to connect, ms, after each server has been tried. */
const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 1_000;
/** How long a server may take to answer a new connection, ms. A server that is starting takes connections, and may never answer. */
const ANSWER_MS = 5_000;
/** How long the server may take to confirm the end of the session, ms. */
const CLOSE_MS = 1_000;
/** The server is taken for silent after this part of the session's time; the rest is for finding another server. */
const SILENCE = 2 / 3;

export interface SessionHooks {
  /** Requests are possible. Watches of an earlier connection are gone. */
  connected(): void;
  /** No request is possible; the session goes on to connect. Also said when no server could be reached at the beginning. */
  lost(reason: Error): void;
  /** The session has ended for good, with all nodes of the session. `forgotten`: servers answer, and refuse what has seen newer data. */
  over(reason: Error, why: 'expired' | 'forgotten' | 'denied'): void;
  /** The watch of a node has fired, which happens once. */
  changed(event: NodeEvent): void;
}

/** @typeParam T what a successful answer holds */
export type Answer<T> = { readonly zxid: number } & (
  { readonly code: typeof CODE.ok; readonly value: T } | { readonly code: Exclude<number, 0>; readonly value?: undefined }
);

export interface NodeData {
  /** undefined for a node that was created without data. */
  readonly bytes: Buffer | undefined;
  readonly stat: Stat;
}

export class Session {
  readonly #options: ResolvedZooKeeperOptions;
  readonly #hooks: SessionHooks;
  readonly #client: PackageClient;
  readonly #inner: InnerConnection;
  readonly #acl: Acl[];
  readonly #backoff = new Backoff(RETRY_MIN_MS, RETRY_MAX_MS);
  /** Rejects each request that is under way. */
  readonly #underWay = new Set<(reason: Error) => void>();
  readonly #queue: { send: () => void; reject: (reason: Error) => void }[] = [];
  #isConnected = false;
  #isOver = false;
  /** Connections that were tried since the last success. */
  #failures = 0;
  #nextServer: number;
  #dialTimer: Timer | undefined;
  #patience: Patience | undefined;
  /** Why the present connection fails; undefined as long as nothing is known. */
  #reason: Error | undefined;
  /** Whether the server at the other end took the present connection, and has said nothing. */
  #isAccepted = false;
  #heardAt = 0;
  #lostAt = systemClock.now();

  /** @param seen a server whose data are older than this transaction is refused; undefined: any server */
  constructor(options: ResolvedZooKeeperOptions, seen: Buffer | undefined, hooks: SessionHooks) {
    const zookeeper = zooKeeperPackage();
    const { ACL } = zookeeper;
    this.#options = options;
    this.#hooks = hooks;
    this.#acl = {
      anyone: ACL.OPEN_ACL_UNSAFE,
      creator: ACL.CREATOR_ALL_ACL,
      'creator-writes': [...ACL.CREATOR_ALL_ACL, ...ACL.READ_ACL_UNSAFE],
    }[options.access];
    // Clients that begin together must not all choose the same server.
    this.#nextServer = Math.floor(Math.random() * options.servers.length);
    const { timeToLiveMs: sessionTimeout } = options;
    this.#client = zookeeper.createClient(options.name, { sessionTimeout, retries: 0 });
    this.#inner = this.#client.connectionManager;
    if (seen) seen.copy(this.#inner.zxid);
    if (options.credential) this.#client.addAuthInfo('digest', options.credential);
    this.#mendClient();
  }

  start(): void {
    this.#client.connect();
  }

  get isConnected(): boolean {
    return this.#isConnected;
  }

  /** The name of the session at the servers, in hexadecimal digits. */
  get id(): string {
    return this.#client.getSessionId().toString('hex');
  }

  /** The newest transaction that this session has seen. */
  get seen(): Buffer {
    return this.#inner.zxid;
  }

  /** Resolves when the server has dropped the session, or did not answer in time. Idempotent. */
  async close(): Promise<void> {
    if (this.#isOver) return;
    const wasConnected = this.#isConnected;
    this.#end(unreachable(this.#options.name, 'the client was closed'));
    if (wasConnected) {
      await new Promise<void>((resolve) => {
        const timer = systemClock.setTimeout(resolve, CLOSE_MS);
        this.#inner.on('state', (state: number) => {
          if (state !== STATE.closed) return;
          systemClock.clearTimeout(timer);
          resolve();
        });
        this.#client.close();
      });
    }
    this.#destroy();
  }

  /** @param watch whether to hear of the next change of the node */
  data(path: string, watch: boolean): Promise<Answer<NodeData>> {
    return this.#ask<[Buffer | undefined, Stat], NodeData>(
      (answer) => this.#client.getData(path, this.#watcher(watch), answer),
      (bytes, stat) => ({ bytes, stat }),
    );
  }

  /** @param watch whether to hear of the next child that comes or goes */
  children(path: string, watch: boolean): Promise<Answer<string[]>> {
    return this.#ask<[string[], Stat], string[]>(
      (answer) => this.#client.getChildren(path, this.#watcher(watch), answer),
      (names) => names,
    );
  }

  /** Watches also for the creation of a node that does not exist. */
  exists(path: string): Promise<Answer<boolean>> {
    return this.#ask<[Stat | null], boolean>(
      (answer) => this.#client.exists(path, this.#onEvent, answer),
      (stat) => stat !== null,
    );
  }

  /** @param bytes undefined for a node without data */
  create(path: string, bytes: Buffer | undefined, isOwned = false): Promise<Answer<string>> {
    const mode = isOwned ? EPHEMERAL : PERSISTENT;
    return this.#ask<[string], string>(
      (answer) => this.#client.create(path, bytes, this.#acl, mode, answer),
      (created) => created,
    );
  }

  /** @param version the version that the data must have now; -1: any */
  setData(path: string, bytes: Buffer, version: number): Promise<Answer<Stat>> {
    return this.#ask<[Stat], Stat>(
      (answer) => this.#client.setData(path, bytes, version, answer),
      (stat) => stat,
    );
  }

  /** Leaves a node without data, because a node with children cannot be removed. @param version as for `setData` */
  clear(path: string, version: number): Promise<Answer<undefined>> {
    return this.#transact((transaction) => {
      transaction.setData(path, null).ops.at(-1)!.version = version;
    });
  }

  /** @param version as for `setData` */
  remove(path: string, version: number): Promise<Answer<undefined>> {
    return this.#ask<[], undefined>(
      (answer) => this.#client.remove(path, version, answer),
      () => undefined,
    );
  }

  /** Removes a node and creates a node that this session owns in the same place, at the same moment. @param version as for `setData` */
  replace(path: string, bytes: Buffer, version: number): Promise<Answer<undefined>> {
    return this.#transact((transaction) => {
      transaction.remove(path).ops.at(-1)!.version = version;
      transaction.create(path, bytes, this.#acl, EPHEMERAL);
    });
  }

  #transact(fill: (transaction: Transaction) => void): Promise<Answer<undefined>> {
    const transaction = this.#client.transaction();
    fill(transaction);
    return this.#ask<[unknown], undefined>(
      (answer) => transaction.commit(answer),
      () => undefined,
    );
  }

  /** @throws (rejects) TrunklineError ERR_TRUNKLINE_STORE_UNREACHABLE when the connection is lost before the answer */
  #ask<A extends unknown[], T>(send: (answer: Callback<A>) => void, read: (...values: A) => T): Promise<Answer<T>> {
    return new Promise((resolve, reject) => {
      const ask = (): void => {
        this.#underWay.add(reject);
        try {
          send((error, ...values) => {
            if (!this.#underWay.delete(reject)) return;
            const code = error?.code ?? CODE.ok;
            if (code === CODE.connectionLoss || code === CODE.sessionExpired) {
              this.#underWay.add(reject); // rejected with the reason, when the cut is reported next
              return;
            }
            if (code === CODE.ok) resolve({ code, zxid: numberOf(this.#inner.zxid), value: read(...values) });
            else resolve({ code, zxid: numberOf(this.#inner.zxid) });
            this.#sendNext();
          });
        } catch (error) {
          this.#underWay.delete(reject);
          reject(error);
        }
      };
      if (!this.#isConnected) reject(this.#reason ?? unreachable(this.#options.name, 'there is no connection'));
      else if (this.#underWay.size < MAX_UNDER_WAY) ask();
      else this.#queue.push({ send: ask, reject });
    });
  }

  #sendNext(): void {
    while (this.#isConnected && this.#underWay.size < MAX_UNDER_WAY) {
      const next = this.#queue.shift();
      if (!next) return;
      next.send();
    }
  }

  /** A single function for all nodes: the package keeps a function once for each node, however often the node is read. */
  readonly #onEvent = (event: NodeEvent): void => {
    if (!this.#isOver) this.#hooks.changed(event);
  };

  #watcher(watch: boolean): ((event: NodeEvent) => void) | undefined {
    return watch ? this.#onEvent : undefined;
  }

  #mendClient(): void {
    const inner = this.#inner;
    const read = inner.onSocketData.bind(inner);
    inner.onSocketData = (bytes) => {
      this.#heardAt = systemClock.now();
      try {
        read(bytes);
      } catch (cause) {
        // Thrown by the package, e.g. for a code of newer servers: uncaught, the error would end the process.
        this.#drop(unreadable(this.#options.name, cause));
      }
    };
    inner.findNextServer = (dial) => this.#dialNext(dial);
    inner.on('state', (state: number) => this.#onState(state));
  }

  #onState(state: number): void {
    if (this.#isOver) return;
    const { name } = this.#options;
    if (state === STATE.connected) this.#onConnected();
    else if (state === STATE.disconnected) this.#onLost();
    else if (state === STATE.expired) this.#finish(unreachable(name, 'the session has expired'), 'expired');
    else if (state === STATE.authFailed) this.#finish(refused(name, 'connecting', CODE.authFailed), 'denied');
  }

  #onConnected(): void {
    this.#isConnected = true;
    this.#isAccepted = false;
    this.#failures = 0;
    this.#backoff.reset();
    this.#reason = undefined;
    this.#listen();
    this.#hooks.connected();
  }

  /** Pings of the package get an answer in each third of the session's time, if nothing else does. */
  #listen(): void {
    const limitMs = this.#client.getSessionTimeout() * SILENCE;
    const silentMs = systemClock.now() - this.#heardAt;
    this.#patience?.cancel();
    this.#patience = patientTimeout(systemClock, Math.max(1, limitMs - silentMs), () => {
      if (systemClock.now() - this.#heardAt < limitMs) this.#listen();
      else this.#drop(unreachable(this.#options.name, `nothing was heard for ${Math.round(limitMs)} ms`));
    });
  }

  #dialNext(dial: (server: Server) => void): void {
    if (this.#isOver) return;
    const { servers, name } = this.#options;
    const isRoundOver = this.#failures > 0 && this.#failures % servers.length === 0;
    this.#dialTimer = backgroundClock.setTimeout(
      () => {
        if (this.#isOver) return;
        const server = servers[this.#nextServer++ % servers.length]!;
        this.#reason = undefined;
        this.#isAccepted = false;
        dial(server);
        const socket = this.#inner.socket!.unref();
        this.#inner.connectTimeoutHandler?.unref();
        socket.once('connect', () => (this.#isAccepted = true));
        socket.once('error', (cause) => (this.#reason ??= unreachable(name, cause.message, cause)));
        // The package limits the time to reach a server, and not the time until the server answers.
        const limitMs = Math.min(ANSWER_MS, this.#options.timeToLiveMs);
        this.#patience?.cancel();
        this.#patience = patientTimeout(systemClock, limitMs, () => {
          this.#isAccepted = false;
          this.#drop(unreachable(name, `${server.host}:${server.port} did not answer within ${Math.round(limitMs)} ms`));
        });
      },
      isRoundOver ? this.#backoff.nextMs() : 0,
    );
  }

  /** The connection is lost, or could not be made. The package connects again right after. */
  #onLost(): void {
    const { name, servers } = this.#options;
    const wasConnected = this.#isConnected;
    const isSpurned = this.#isAccepted;
    const what = isSpurned ? 'a server takes connections and does not serve, as without a quorum' : 'the connection was lost';
    const reason = (this.#reason ??= unreachable(name, what));
    this.#isConnected = false;
    this.#isAccepted = false;
    this.#patience?.cancel();
    this.#forgetConnection();
    this.#rejectAll(reason);
    if (wasConnected) this.#lostAt = systemClock.now();
    else this.#failures++;
    const goneMs = systemClock.now() - this.#lostAt;
    // A server whose data were lost says no word to a client that has seen newer data, not even that the session is gone.
    if (isSpurned && numberOf(this.#inner.zxid) > 0 && goneMs > 2 * this.#client.getSessionTimeout()) {
      this.#finish(reason, 'forgotten');
      return;
    }
    if (wasConnected || this.#failures % servers.length === 0) this.#hooks.lost(reason);
  }

  /**
   * The package would take half an answer for the beginning of the next connection's first message, would send requests of the old
   * connection before the credentials, and would watch again in a single request, which the server refuses from 1 MB on.
   */
  #forgetConnection(): void {
    const inner = this.#inner;
    inner.pendingBuffer = null;
    inner.packetQueue.queue.length = 0;
    Object.assign(inner.watcherManager, { dataWatchers: {}, childWatchers: {}, existenceWatchers: {} });
  }

  #drop(reason: Error): void {
    this.#reason ??= reason;
    this.#inner.socket?.destroy();
  }

  #finish(reason: Error, why: 'expired' | 'forgotten' | 'denied'): void {
    this.#end(reason);
    this.#destroy();
    this.#hooks.over(reason, why);
  }

  #end(reason: Error): void {
    this.#isOver = true;
    this.#isConnected = false;
    this.#reason = reason;
    this.#patience?.cancel();
    systemClock.clearTimeout(this.#dialTimer);
    this.#rejectAll(reason);
  }

  #destroy(): void {
    if (this.#inner.connectTimeoutHandler) clearTimeout(this.#inner.connectTimeoutHandler);
    this.#inner.socket?.destroy();
  }

  #rejectAll(reason: Error): void {
    const rejects = [...this.#underWay, ...this.#queue.splice(0).map(({ reject }) => reject)];
    this.#underWay.clear();
    for (const reject of rejects) reject(reason);
  }
}
