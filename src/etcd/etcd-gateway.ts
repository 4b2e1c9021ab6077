// The client of etcd's JSON gateway, over node:http and node:https alone: every verb of etcd that trunkline needs, with time limits,
// several endpoints, passwords and TLS. Used by the adapter `trunkline/etcd` and by engines of a fleet.
//
// No write is sent a second time unless the first certainly did not run: a write whose answer is missing is rejected, and
// `mayHaveRun(error)` is true. Reads are asked of the next endpoint instead.

import { closed, reasonOf, mayHaveRun, tooLarge } from './etcd-failure';
import { Credential } from './credential';
import { Endpoints } from './endpoints';
import { resolveEtcdOptions, type EtcdOptions, type ResolvedEtcdOptions } from './etcd-options';
import { EtcdServer, type Question } from './etcd-server';
import type {
  Bytes,
  DeleteRequest,
  DeleteResult,
  EtcdAlarm,
  EtcdEntry,
  GrantedLease,
  KeyRange,
  PutRequest,
  PutResult,
  RangeRequest,
  RangeResult,
  Revised,
  ServerStatus,
  TxnRequest,
  TxnResult,
} from './etcd-types';
import { TrunklineError } from '../errors';
import { backgroundClock, delay } from '../time';
import { readAll } from './read-all';
import { markOf, type StoreMark } from './watch-connection';
import { EtcdWatches, type EtcdWatch, type WatchObserver, type WatchRequest } from './watches';
import * as wire from './wire';
import type { Json } from './wire';

/** What a single request may be given. */
export interface RequestOptions {
  /** How long a server may take, ms. Default: the option `requestTimeoutMs` of the client. */
  readonly timeoutMs?: number;
  /** Rejects the request with the reason of the signal. The request may have been executed all the same. */
  readonly signal?: AbortSignal;
}

interface Verb extends RequestOptions {
  /** Whether a second execution changes nothing. */
  readonly isRepeatable: boolean;
}

/** Room for names of fields and numbers in a request that is measured by keys and values alone. */
const ENVELOPE_BYTES = 512;
/** Between two rounds of questions while the members elect a leader, ms. */
const ELECTION_RETRY_MS = 100;

export class EtcdGateway {
  readonly #options: ResolvedEtcdOptions;
  readonly #endpoints: Endpoints;
  readonly #credential: Credential;
  readonly #watches: EtcdWatches;
  readonly #closing = new AbortController();

  /** Opens no connection. @throws TrunklineError ERR_TRUNKLINE_OPTION_INVALID */
  constructor(options: EtcdOptions) {
    const resolved = resolveEtcdOptions(options);
    this.#options = resolved;
    this.#endpoints = new Endpoints(resolved.endpoints.map((url) => new EtcdServer(url, resolved.tls)));
    const { credentials } = resolved;
    this.#credential = new Credential(credentials && (() => this.#authenticate(credentials)));
    this.#watches = new EtcdWatches({
      endpoints: this.#endpoints,
      credential: this.#credential,
      heartbeatMs: resolved.watchHeartbeatMs,
      connectTimeoutMs: resolved.requestTimeoutMs,
      askStore: (range) => this.#askStore(range),
    });
  }

  /** All endpoints, for messages. */
  get addresses(): string {
    return this.#endpoints.addresses;
  }

  /** The most bytes of keys and values that a put or a transaction may have. */
  get maxContentBytes(): number {
    return this.#options.maxRequestBytes - ENVELOPE_BYTES;
  }

  async range(request: RangeRequest, options: RequestOptions = {}): Promise<RangeResult> {
    const what = `range of ${name(request)}`;
    return wire.rangeResultOf(await this.#ask('/v3/kv/range', wire.rangeRequestForm(request), what, repeatable(options)));
  }

  /** The entry of a key, undefined when there is none. */
  async get(key: Bytes, options: RequestOptions = {}): Promise<EtcdEntry | undefined> {
    return (await this.range({ key }, options)).entries[0];
  }

  /**
   * All entries of a range at a single revision, read in portions. The answer of a range has no limit, and a large answer
   * fits neither into a time limit nor into a text of JavaScript.
   */
  readAll(range: KeyRange, options: RequestOptions = {}): Promise<Revised & { readonly entries: readonly EtcdEntry[] }> {
    return readAll((request) => this.range(request, options), range);
  }

  /** @throws TrunklineError ERR_TRUNKLINE_VALUE_TOO_LARGE before anything is sent; reason `lease-not-found` */
  async put(request: PutRequest, options: RequestOptions = {}): Promise<PutResult> {
    const what = `put of ${name(request)}`;
    this.#measure(wire.sizeOf({ then: [{ put: request }] }), what);
    return wire.putResultOf(await this.#ask('/v3/kv/put', wire.putForm(request), what, once(options)));
  }

  async delete(request: DeleteRequest, options: RequestOptions = {}): Promise<DeleteResult> {
    const what = `deletion of ${name(request)}`;
    return wire.deleteResultOf(await this.#ask('/v3/kv/deleterange', wire.deleteForm(request), what, once(options)));
  }

  /** @throws TrunklineError ERR_TRUNKLINE_VALUE_TOO_LARGE before anything is sent; reason `lease-not-found` */
  async txn(request: TxnRequest, options: RequestOptions = {}): Promise<TxnResult> {
    const what = 'transaction';
    this.#measure(wire.sizeOf(request), what);
    return wire.txnResultOf(await this.#ask('/v3/kv/txn', wire.txnForm(request), what, once(options)));
  }

  /**
   * Makes etcd forget everything before this revision. Only for an etcd that nobody else uses: every reader and watcher of older revisions fails.
   * A revision that was compacted already is no error.
   */
  async compact(revision: bigint, options: RequestOptions = {}): Promise<void> {
    const body = { revision: String(revision) };
    await this.#ask('/v3/kv/compaction', body, `compaction at ${revision}`, repeatable(options)).catch((error: unknown) => {
      if (reasonOf(error) !== 'compacted') throw error;
    });
  }

  /** A grant without an answer may be repeated: a lease that nobody renews ends. */
  async grantLease(ttlSeconds: number, options: RequestOptions = {}): Promise<GrantedLease> {
    const answer = await this.#ask('/v3/lease/grant', { TTL: String(ttlSeconds) }, 'grant of a lease', repeatable(options));
    return { revision: wire.revisionOf(answer), lease: wire.text(answer.ID), ttlSeconds: Number(wire.int64(answer.TTL)) };
  }

  /**
   * Renews a lease. Count the time that is left from the moment of the call, not from the answer.
   * @returns how many seconds the lease has again; 0 when the lease is gone
   */
  async keepLeaseAlive(lease: string, options: RequestOptions = {}): Promise<number> {
    const answer = await this.#ask('/v3/lease/keepalive', { ID: lease }, 'renewal of a lease', repeatable(options));
    return Number(wire.int64(answer.TTL));
  }

  /** Ends a lease and deletes the keys of the lease. @returns false when the lease was gone already */
  async revokeLease(lease: string, options: RequestOptions = {}): Promise<boolean> {
    try {
      await this.#ask('/v3/lease/revoke', { ID: lease }, 'end of a lease', repeatable(options));
      return true;
    } catch (error) {
      if (reasonOf(error) === 'lease-not-found') return false;
      throw error;
    }
  }

  /** @returns seconds until the lease ends, 0 when the lease is gone */
  async leaseTimeToLive(lease: string, options: RequestOptions = {}): Promise<number> {
    const answer = await this.#ask('/v3/lease/timetolive', { ID: lease }, 'question for a lease', repeatable(options));
    return Math.max(0, Number(wire.int64(answer.TTL)));
  }

  /**
   * Watches a range, over all connections until `close()` of the watch or an end that the observer is told. All watches of a client
   * share a connection.
   */
  watch(request: WatchRequest, observer: WatchObserver): EtcdWatch {
    if (this.#closing.signal.aborted) throw closed('watch');
    return this.#watches.add(request, observer);
  }

  /**
   * Asks for a sign of life over the connection of the watches, see `watch()`. Resolves with the revision that the server has. Events up
   * to this revision may come later: etcd 3.4.23 answers before the events of a watch that is catching up.
   * @throws TrunklineError ERR_TRUNKLINE_CLOSED when no watch is open, ERR_TRUNKLINE_STORE_UNREACHABLE when the connection is lost
   */
  watchProgress(): Promise<bigint> {
    return this.#watches.progress();
  }

  /** How the server that is asked at present stands. */
  async status(options: RequestOptions = {}): Promise<ServerStatus> {
    const answer = await this.#ask('/v3/maintenance/status', {}, 'question for its status', repeatable(options));
    const leader = wire.text(answer.leader);
    return {
      server: this.#endpoints.current.address,
      revision: wire.revisionOf(answer),
      version: wire.text(answer.version),
      isLeader: leader !== '' && leader === wire.object(answer.header).member_id,
      hasLeader: leader !== '' && leader !== '0',
      databaseBytes: Number(wire.int64(answer.dbSize)),
      databaseBytesInUse: Number(wire.int64(answer.dbSizeInUse)),
      complaints: Array.isArray(answer.errors) ? answer.errors.map(String) : [],
    };
  }

  /** Alarms of all members. An etcd over the quota has the alarm `NOSPACE` until somebody disarms the alarm. */
  async alarms(options: RequestOptions = {}): Promise<readonly EtcdAlarm[]> {
    const answer = await this.#ask('/v3/maintenance/alarm', { action: 'GET' }, 'question for alarms', repeatable(options));
    return wire.list(answer.alarms).map(({ memberID, alarm }) => ({ member: wire.text(memberID), kind: wire.text(alarm) }));
  }

  /** The connection of the watches keeps the process alive: the default. A request does so until the answer. */
  ref(): void {
    this.#watches.hold(true);
  }

  /** Watches no longer keep the process alive. */
  unref(): void {
    this.#watches.hold(false);
  }

  /** Ends all requests and watches. What is under way is rejected with ERR_TRUNKLINE_CLOSED; observers hear nothing more. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.#watches.close();
    this.#endpoints.close();
  }

  /** How the store stands as the majority knows, which a range asks unless the range may be stale. */
  async #askStore(range: KeyRange): Promise<StoreMark> {
    const form = wire.rangeRequestForm({ ...range, countOnly: true });
    return markOf(await this.#ask('/v3/kv/range', form, 'question for the revision', repeatable({})));
  }

  #measure(bytes: number, what: string): void {
    if (bytes <= this.maxContentBytes) return;
    throw tooLarge(this.addresses, what, bytes, this.maxContentBytes);
  }

  async #authenticate({ username, password }: { username: string; password: string }): Promise<string> {
    const body = { name: username, password };
    const verb = { isRepeatable: true };
    const answer = await this.#askInTurn('/v3/auth/authenticate', body, 'exchange of the password', verb, undefined);
    return wire.text(answer.token);
  }

  async #ask(path: string, body: Json, what: string, verb: Verb): Promise<Json> {
    const token = await this.#credential.token();
    try {
      return await this.#askInTurn(path, body, what, verb, token);
    } catch (error) {
      if (!this.#credential.isOutdated(token, error)) throw error;
      return this.#askInTurn(path, body, what, verb, await this.#credential.token()); // what is refused so has not run
    }
  }

  /** Asks one server after the other, and all of them again while they elect a leader, which lasts a second or two. */
  async #askInTurn(path: string, body: Json, what: string, verb: Verb, token: string | undefined): Promise<Json> {
    const { signal, timeoutMs: limitMs = this.#options.requestTimeoutMs } = verb;
    const until = backgroundClock.now() + limitMs;
    // The state of a member can be asked for without a leader, and so can a range that may be stale.
    const requiresLeader = /^\/v3\/(kv|lease)\//.test(path) && body.serializable !== true;
    const question = { path, body, what, requiresLeader, token, limitMs, signal };
    for (;;) {
      try {
        return await this.#askEachOnce(question, verb.isRepeatable);
      } catch (error) {
        const isElecting = reasonOf(error) === 'no-majority' && !mayHaveRun(error);
        if (!isElecting || backgroundClock.now() + ELECTION_RETRY_MS > until) throw error;
        const ends = [this.#closing.signal, ...(signal ? [signal] : [])];
        await delay(backgroundClock, ELECTION_RETRY_MS, AbortSignal.any(ends));
      }
    }
  }

  async #askEachOnce(question: Question, isRepeatable: boolean): Promise<Json> {
    const failures: unknown[] = [];
    for (let tries = 1; ; tries++) {
      const server = this.#endpoints.current;
      try {
        if (this.#closing.signal.aborted) throw closed(question.what);
        return await server.ask(question);
      } catch (error) {
        if (!isFailureOfServer(error)) throw error;
        this.#endpoints.moveOn(server);
        failures.push(error);
        const mayAskAgain = isRepeatable || !mayHaveRun(error);
        if (tries >= this.#endpoints.count || !mayAskAgain) throw ofAll(failures, error);
      }
    }
  }
}

function isFailureOfServer(error: unknown): boolean {
  const { code } = error as { code?: unknown };
  return code === 'ERR_TRUNKLINE_STORE_UNREACHABLE' || code === 'ERR_TRUNKLINE_STORE_UNTRUSTED';
}

/** The last failure speaks for all, and quotes the failures before. */
function ofAll(failures: readonly unknown[], last: unknown): unknown {
  if (failures.length < 2 || !(last instanceof TrunklineError)) return last;
  const others = failures.slice(0, -1).map((failure) => (failure as Error).message);
  last.message += ` (before that ${others.join('; ')})`;
  return last;
}

function repeatable(options: RequestOptions): Verb {
  return { ...options, isRepeatable: true };
}

function once(options: RequestOptions): Verb {
  return { ...options, isRepeatable: false };
}

/** Keys in the form of messages: bytes that are no text are replaced, and the rest of a long key is left out. */
function name(range: KeyRange): string {
  const [bytes, sort] =
    'key' in range ? [range.key, ''] : 'prefix' in range ? [range.prefix, 'prefix '] : [range.from, 'keys from '];
  const shown = wire.bytesOf(bytes).toString();
  return sort + JSON.stringify(shown.length > 80 ? `${shown.slice(0, 80)}…` : shown);
}
