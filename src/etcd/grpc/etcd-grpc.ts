// The client of etcd over gRPC, with the package @grpc/grpc-js: the same verbs as etcd-gateway.ts over a single connection to a single
// server, at a third of the processor time of etcd. The messages are encoded here, so no code is generated and no other package is
// needed. Nothing is sent a second time, and nothing outlives the connection: who uses the client makes another one.

import { mayHaveRun } from '../etcd-failure';
import { Credential } from '../credential';
import type { RequestOptions } from '../etcd-gateway';
import { resolveEtcdOptions, type EtcdOptions, type ResolvedEtcdOptions } from '../etcd-options';
import type {
  EtcdAlarm,
  EtcdEntry,
  GrantedLease,
  KeyRange,
  RangeRequest,
  RangeResult,
  Revised,
  ServerStatus,
  TxnRequest,
  TxnResult,
} from '../etcd-types';
import { reasonOf } from '../etcd-failure';
import { readAll } from '../read-all';
import type { EtcdWatch, WatchObserver, WatchRequest } from '../watches';
import * as messages from './etcd-messages';
import { GrpcChannel, type GrpcStream } from './grpc-channel';
import { GrpcRenewals } from './grpc-renewals';
import { GrpcWatches } from './grpc-watches';

interface Verb {
  readonly path: string;
  readonly message: Buffer;
  readonly what: string;
  readonly isWrite?: boolean;
}

export class EtcdGrpc {
  readonly #options: ResolvedEtcdOptions;
  readonly #channel: GrpcChannel;
  readonly #credential: Credential;
  readonly #watches: GrpcWatches;
  readonly #renewals: GrpcRenewals;
  /** The token that streams are opened with. */
  #token: string | undefined;

  /**
   * Opens no connection. The first of the endpoints is used.
   * @throws TrunklineError ERR_TRUNKLINE_OPTION_INVALID, ERR_TRUNKLINE_PACKAGE_MISSING
   */
  constructor(options: EtcdOptions) {
    this.#options = resolveEtcdOptions(options);
    const { endpoints, tls, credentials } = this.#options;
    const channel = new GrpcChannel(endpoints[0]!, tls);
    this.#channel = channel;
    this.#credential = new Credential(credentials && (() => this.#authenticate(credentials.username, credentials.password)));
    const opens =
      (path: string, what: string) =>
      (onEnd: (error: Error) => void): GrpcStream =>
        channel.stream(path, what, this.#token, onEnd);
    this.#watches = new GrpcWatches(channel.address, opens('/etcdserverpb.Watch/Watch', 'watch'));
    this.#renewals = new GrpcRenewals(channel.address, opens('/etcdserverpb.Lease/LeaseKeepAlive', 'renewal of a lease'));
  }

  /** The server, for messages. */
  get addresses(): string {
    return this.#channel.address;
  }

  async range(request: RangeRequest, options?: RequestOptions): Promise<RangeResult> {
    const verb = { path: '/etcdserverpb.KV/Range', message: messages.rangeMessage(request), what: 'range' };
    return messages.rangeAnswer(await this.#ask(verb, options));
  }

  /** All entries of a range as they were at one revision, read in portions. */
  readAll(range: KeyRange, options?: RequestOptions): Promise<Revised & { readonly entries: readonly EtcdEntry[] }> {
    return readAll((request) => this.range(request, options), range);
  }

  async txn(request: TxnRequest, options?: RequestOptions): Promise<TxnResult> {
    const message = messages.txnMessage(request);
    return messages.txnAnswer(
      await this.#ask({ path: '/etcdserverpb.KV/Txn', message, what: 'transaction', isWrite: true }, options),
    );
  }

  /** Makes etcd forget everything before this revision. Only for an etcd of one's own. */
  async compact(revision: bigint, options?: RequestOptions): Promise<void> {
    const message = messages.compactionMessage(revision);
    await this.#ask({ path: '/etcdserverpb.KV/Compact', message, what: `compaction at ${revision}` }, options).catch(
      (error: unknown) => {
        if (reasonOf(error) !== 'compacted') throw error;
      },
    );
  }

  async grantLease(ttlSeconds: number, options?: RequestOptions): Promise<GrantedLease> {
    const message = messages.grantMessage(ttlSeconds);
    return messages.grantAnswer(
      await this.#ask({ path: '/etcdserverpb.Lease/LeaseGrant', message, what: 'grant of a lease' }, options),
    );
  }

  /** @returns how many seconds the lease has again; 0 when the lease is gone */
  async keepLeaseAlive(lease: string, { timeoutMs = this.#options.requestTimeoutMs }: RequestOptions = {}): Promise<number> {
    this.#token = await this.#credential.token();
    return this.#renewals.renew(lease, timeoutMs);
  }

  /** Ends a lease and deletes its keys. @returns false when the lease was gone already */
  async revokeLease(lease: string, options?: RequestOptions): Promise<boolean> {
    const message = messages.leaseMessage(lease);
    try {
      await this.#ask({ path: '/etcdserverpb.Lease/LeaseRevoke', message, what: 'end of a lease' }, options);
      return true;
    } catch (error) {
      if (reasonOf(error) === 'lease-not-found') return false;
      throw error;
    }
  }

  /** Watches a range, until `close()` of the watch, or until the observer hears that the watch is lost or has ended. */
  watch(request: WatchRequest, observer: WatchObserver): EtcdWatch {
    return this.#watches.add(request, observer);
  }

  /**
   * Asks for a sign of life over the stream of the watches. Resolves with the revision that the server has. From etcd 3.4.25 and 3.5.8
   * on, all events up to this revision have come before; older servers answer before events that wait in the same stream.
   * @throws TrunklineError ERR_TRUNKLINE_CLOSED when no watch is open, ERR_TRUNKLINE_STORE_UNREACHABLE when the stream ends
   */
  watchProgress(): Promise<bigint> {
    return this.#watches.progress();
  }

  async status(options?: RequestOptions): Promise<ServerStatus> {
    const verb = { path: '/etcdserverpb.Maintenance/Status', message: messages.EMPTY_MESSAGE, what: 'question for its status' };
    return messages.statusAnswer(await this.#ask(verb, options), this.#channel.address);
  }

  async alarms(options?: RequestOptions): Promise<readonly EtcdAlarm[]> {
    const verb = { path: '/etcdserverpb.Maintenance/Alarm', message: messages.EMPTY_MESSAGE, what: 'question for alarms' };
    return messages.alarmsAnswer(await this.#ask(verb, options));
  }

  /** Ends the connection; what is under way is rejected, and observers hear nothing more. */
  close(): Promise<void> {
    this.#watches.close();
    this.#renewals.close();
    this.#channel.close();
    return Promise.resolve();
  }

  async #ask(verb: Verb, options: RequestOptions = {}): Promise<Buffer> {
    const token = await this.#credential.token();
    this.#token = token;
    try {
      return await this.#send(verb, token, options);
    } catch (error) {
      if (mayHaveRun(error) || !this.#credential.isOutdated(token, error)) throw error;
      return this.#send(verb, await this.#credential.token(), options);
    }
  }

  #send({ path, message, what, isWrite = false }: Verb, token: string | undefined, options: RequestOptions): Promise<Buffer> {
    const { timeoutMs: limitMs = this.#options.requestTimeoutMs, signal } = options;
    return this.#channel.ask({ path, message, what, token, limitMs, isWrite, ...(signal && { signal }) });
  }

  async #authenticate(username: string, password: string): Promise<string> {
    const message = messages.authenticateMessage(username, password);
    const verb = { path: '/etcdserverpb.Auth/Authenticate', message, what: 'exchange of the password' };
    return messages.tokenAnswer(await this.#send(verb, undefined, {}));
  }
}
