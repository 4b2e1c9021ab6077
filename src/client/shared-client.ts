// The class of the objects that users hold: an emitter with `ready()`, on which the builder (cluster.ts) puts the delegated
// methods. Joins the requests of this process (registrations.ts) with the place of this process in the host (failover.ts).

import { messageOf } from '../../protocol/error-value';
import type { CallStyle } from '../../protocol/message';
import { TrunklineError } from '../errors';
import type { ResolvedOptions } from '../options';
import { isEnding, openClients, type OpenClient } from '../seat';
import type { ChannelSpec, Role } from '../roles/role';
import { nextTick, soon } from '../time';
import { asSaid } from './as-said';
import type { CallOptions } from './call-limit';
import { Calls, type Caller } from './calls';
import { ClientBase, SETTLE } from './client-base';
import { ClientRecord } from './client-record';
import { Failover, type Participation } from './failover';
import { forwardEvents } from './forward-events';
import { Holding } from './holding';
import type { LatestValuesOptions, ValueIterator } from './latest-values';
import { Readiness } from './readiness';
import { StandingEvents } from './standing-events';
import { statusOf, type ClientStatus } from './status';
import { logUnheard } from './unheard-error';
import { Registrations, type ValueListener } from './registrations';
import type { SubscriptionHandle } from './subscription-handle';
import { Streams } from './streams';
import type { SharedStream } from './shared-stream';
import { Subscriptions, type SubscribingClient } from './subscriptions';

/** The name under which cluster-client 3.x closes a client; `close()` of either library then works on either's clients. */
export const CLOSE = Symbol.for('ClusterClient#close');

/** What delegated methods are made of. */
export interface ClientVerbs {
  readonly subscribe: (registration: unknown, listener: ValueListener) => SubscriptionHandle;
  readonly unSubscribe: (registration: unknown, listener?: ValueListener) => void;
  readonly publish: (registration: unknown) => void;
  /**
   * @param options `idempotent`: sent again when the leader is lost meanwhile
   * @returns in style `promise` a single value, in style `callback` the array of all results
   */
  invoke(method: string, args: readonly unknown[], style: CallStyle, options: CallOptions): Promise<unknown>;
  stream(method: string, args: readonly unknown[], options: CallOptions): SharedStream;
  invokeOneway(method: string, args: readonly unknown[]): void;
  /** Runs a callback of the user; an error of the callback becomes an `error` event. */
  callBack(callback: (...results: unknown[]) => unknown, ...results: unknown[]): void;
}

/** Something whose readiness is that of a shared client. */
type ReadyMirror = Pick<ClientBase, typeof SETTLE | 'hasReadyCallbacks'>;

export class SharedClient extends ClientBase {
  readonly #spec: ChannelSpec;
  readonly #options: ResolvedOptions;
  readonly #registrations = new Registrations(
    () => (this.#state === 'open' ? this.#failover.role?.verbs : undefined),
    (error) => this.#emitError(error),
  );
  readonly #failover: Failover;
  readonly #subscriptions: Subscriptions;
  readonly #calls: Calls;
  readonly #streams: Streams;
  readonly #standingEvents = new StandingEvents(this, () => this.#status());
  readonly #mirrors = new Set<ReadyMirror>();
  readonly #holding: Holding;
  /** The readiness for calls that wait for a role. Unlike the readiness of the client, this readiness is settled in any case. */
  readonly #roleReadiness = new Readiness();
  #lastSetback = '';
  #state: 'open' | 'closing' | 'closed' = 'open';
  #closing: Promise<void> | undefined;
  readonly #record = new ClientRecord();
  readonly #openClient: OpenClient = Object.assign(() => this[CLOSE](), {
    status: () => this.#status(),
    report: (withKeys: boolean) => this.#record.report(this.#status(), this.#registrations.counts, this.#failover.role, withKeys),
    stamp: () => this.#record.stamp(this.#status(), this.#registrations.counts, this.#failover.role),
  });

  /**
   * @param participation undefined: in single mode
   * @param expose gets the verbs; the verbs are no members, because member names belong to the user's delegated methods
   */
  constructor(
    spec: ChannelSpec,
    participation: Participation | undefined,
    options: ResolvedOptions,
    expose: (verbs: ClientVerbs) => void,
  ) {
    super();
    this.options = options;
    if (options.maxListeners !== undefined) this.setMaxListeners(options.maxListeners);
    this.#spec = spec;
    this.#options = options;
    this.#holding = new Holding({
      // In single mode nothing but the upstream client keeps the process alive, and that a new one is tried.
      isNeeded: () => participation !== undefined || this.readyError !== undefined,
      onError: (error) => this.#emitError(error),
    });
    const view = this.#view();
    this.#subscriptions = new Subscriptions(spec, this.#registrations, view, options.subscribeTimeout);
    this.#calls = new Calls(spec, this.#registrations, view, this.#record.calls, options.localResponseTimeout);
    this.#streams = new Streams(spec, view);
    this.#failover = new Failover({
      spec,
      participation,
      maxWaitMs: options.maxWaitTime,
      hooks: {
        onError: (error) => {
          this.#emitError(error);
        },
        onUpstreamState: () => this.#standingEvents.check(),
        onAnswered: (tookMs) => this.#record.calls.answered(tookMs),
        // The event `close` is left out: on this client `close` says that the shared client is closed.
        onUpstream: (upstreamClient) => {
          const stop = forwardEvents(upstreamClient, this, ['close']);
          const forget = this.#holding.add(upstreamClient);
          return () => {
            forget();
            stop((error) => this.#logLate(error));
          };
        },
      },
      wanted: () => this.#registrations.wanted(),
      events: {
        onEnter: (role, previous) => {
          this.#lastSetback = '';
          if (previous) {
            this.#registrations.keepValues(previous.verbs);
            this.#record.roleEnded(previous);
          }
          this.#registrations.replay(role.verbs);
          this.#setReady(true);
        },
        onLeave: (role) => {
          this.#registrations.keepValues(role.verbs);
          this.#record.roleEnded(role);
          this.#setReady(false);
        },
        onSetback: (error) => {
          this.#onSetback(error);
        },
        onRecovery: () => {
          this.#lastSetback = '';
          this.#setReady(true);
        },
        onFailover: (durationMs, cause) => this.#record.failedOver(durationMs, cause),
        onPhase: () => this.#standingEvents.check(),
      },
    });
    expose({
      subscribe: (registration, listener) => this.#subscriptions.subscribe(registration, listener),
      unSubscribe: (registration, listener) => this.#subscriptions.unsubscribe(registration, listener),
      publish: (registration) => {
        if (!this.#isOpenFor('publish')) return;
        const said = asSaid(spec.name, 'a registration', registration);
        this.#registrations.publish(spec.formatKey(said), said, this.#failover.role?.verbs);
      },
      invoke: (method, args, style, given) => this.#calls.make(method, args, style, given),
      stream: (method, args, given) => this.#streams.make(method, args, given),
      invokeOneway: (method, args) => this.#calls.notify(method, args),
      callBack: (callback, ...results) => this.#subscriptions.run('a callback', callback, results),
    });
    openClients().add(this.#openClient);
    this.#holding.check();
    this.#failover.start();
  }

  /** What calls and subscriptions see of this client. */
  #view(): Caller & SubscribingClient {
    const role = (): Role | undefined => this.#failover.role;
    const isOpen = (): boolean => this.#state === 'open';
    return {
      get role() {
        return role();
      },
      get verbs() {
        return role()?.verbs;
      },
      get isOpen() {
        return isOpen();
      },
      get isStale() {
        const state = role()?.upstream.state;
        return state !== 'ok' && state !== 'unknown';
      },
      isOpenFor: (method) => this.#isOpenFor(method),
      assertOpen: (method) => this.#assertOpen(method),
      closedError: (method) => this.#closedError(method),
      awaitRole: () => this.#roleReadiness.wait(),
      emitError: (error) => this.#emitError(error),
    };
  }

  /** Whether this process holds the upstream client. False while that is not decided. */
  get isClusterClientLeader(): boolean {
    return this.#failover.role?.isLeader ?? false;
  }

  /**
   * The state of this client, and the reason when the client is not ready. A method `status` of the upstream class replaces this
   * method.
   */
  status(): ClientStatus {
    return this.#status();
  }

  /** The status also where a method of the user has the name. */
  #status(): ClientStatus {
    return statusOf({
      channel: this.#spec.name,
      port: this.#options.singleMode ? undefined : this.#options.port,
      isClosed: this.#state !== 'open',
      isReady: this.isReady,
      role: this.#failover.role,
      search: this.#failover.search,
      streams: this.#streams.size,
    });
  }

  /**
   * The values of a registration, for `for await`: the newest value that the reader has not seen, never an older one. The first step
   * subscribes; leaving the loop, aborting the signal, or closing the client unsubscribes. A method `values` of the upstream class
   * replaces this method.
   */
  values(registration: unknown, options?: LatestValuesOptions): ValueIterator<unknown> {
    return this.#subscriptions.values(registration, options);
  }

  override once(event: string | symbol, listener: Parameters<ClientBase['once']>[1]): this;
  /**
   * The next value of a registration: subscribes, and unsubscribes when the value has come.
   * @throws (rejects) the reason of the signal, or ERR_TRUNKLINE_CLOSED when the client is closed before
   */
  override once(registration: unknown, options?: LatestValuesOptions): Promise<unknown>;
  override once(first: unknown, second?: unknown): this | Promise<unknown> {
    if (typeof second === 'function') return super.once(first as string, second as Parameters<ClientBase['once']>[1]);
    return this.#subscriptions.nextValue(first, second as LatestValuesOptions | undefined);
  }

  /**
   * The newest value of a registration that this process has subscribed, at once; undefined when there is none yet. While a leader is
   * sought this is the last value before. Each call gives a copy of its own. A method `latest` of the upstream class replaces this method.
   */
  latest(registration: unknown): unknown {
    return this.#subscriptions.latest(registration);
  }

  /**
   * The process ends without this client when nothing else keeps it alive: no socket, port or timer of trunkline does, in any role. The
   * upstream client is told too, if it has the methods `ref` and `unref`. Methods of the upstream class of these names replace these.
   */
  unref<Self>(this: Self): Self {
    (this as unknown as SharedClient).#holding.wish('unref');
    return this;
  }

  /** Undoes `unref()`: the client keeps the process alive until it is closed. That is the default, except in single mode. */
  ref<Self>(this: Self): Self {
    (this as unknown as SharedClient).#holding.wish('ref');
    return this;
  }

  /** For `await using client = …`: the same as `close()`. */
  [Symbol.asyncDispose](): Promise<void> {
    return this[CLOSE]();
  }

  override toJSON(): Record<string, unknown> {
    const { name: channel } = this.#spec;
    return { channel, state: this.#status().state, role: this.#failover.role?.kind };
  }

  override _defaultErrorHandler(error: unknown): void {
    logUnheard(this, error, this.#options.logger);
  }

  /** Keeps the readiness of another object equal to this one's, through every failover. */
  mirrorReady(mirror: ReadyMirror): void {
    this.#mirrors.add(mirror);
    if (this.isReady || this.readyError) mirror[SETTLE](this.readyError ?? true);
  }

  /**
   * Leaves the channel: no event, log line, timer or socket of this client is left when the promise resolves. A leader also
   * closes the upstream client. Idempotent, and safe at any time.
   */
  override close(): Promise<void> {
    return this[CLOSE]();
  }

  [CLOSE](): Promise<void> {
    this.#closing ??= this.#shutDown();
    return this.#closing;
  }

  async #shutDown(): Promise<void> {
    this.#state = 'closing';
    const release = this.#holding.holdToEnd();
    this.#standingEvents.check();
    this.#streams.endAll((method) => this.#closedError(method));
    await this.#failover.close();
    this.#registrations.clear();
    const closed = this.#closedError('ready()');
    this.#roleReadiness.settle(closed);
    await new Promise<void>(soon); // calls that wait for a role hear of the end before the end
    // Present and later callers of ready() must hear that the client will not be ready, except while the supervisor ends the
    // process: frameworks would take that for a failed start.
    this.#tellReady(isEnding() ? false : closed);
    await super.close();
    this.emit('close');
    openClients().delete(this.#openClient);
    this.#state = 'closed';
    release();
  }

  #onSetback(error: unknown): void {
    const reason = messageOf(error);
    const isNews = reason !== this.#lastSetback;
    this.#lastSetback = reason;
    const isAwaited =
      this.#roleReadiness.isAwaited || this.hasReadyCallbacks || [...this.#mirrors].some((mirror) => mirror.hasReadyCallbacks);
    this.#setReady(
      error instanceof Error
        ? error
        : new TrunklineError('ERR_TRUNKLINE_UPSTREAM_FAILED', `${this.#spec.name}: ${reason}`, { cause: error }),
    );
    if (isNews && !isAwaited) this.#emitError(error);
  }

  #setReady(flag: boolean | Error): void {
    this.#roleReadiness.settle(flag);
    this.#tellReady(flag);
    this.#holding.check();
    this.#standingEvents.check();
  }

  #tellReady(flag: boolean | Error): void {
    this[SETTLE](flag);
    for (const mirror of this.#mirrors) mirror[SETTLE](flag);
  }

  #emitError(error: unknown): void {
    if (this.#state === 'closing') {
      this.emit('error', error); // a tick later the client is closed and says nothing any more
      return;
    }
    nextTick(() => {
      if (this.#state === 'closed') this.#logLate(error);
      else this.emit('error', error);
    });
  }

  #assertOpen(method: string): void {
    if (this.#state !== 'open') throw this.#closedError(method);
  }

  /** Logs an error after the end of the client, when no listener is left: a search for the fault may need the error. */
  #logLate(error: unknown): void {
    this.#spec.logger.debug?.(`${this.#spec.name}: an error came after the end: ${messageOf(error)}`);
  }

  /** Methods without a promise do not throw after `close()`, as with cluster-client: the misuse is an `error` event. */
  #isOpenFor(method: string): boolean {
    if (this.#state === 'open') return true;
    const error = this.#closedError(method);
    nextTick(() => this.emit('error', error));
    return false;
  }

  #closedError(method: string): TrunklineError {
    const { name: channel } = this.#spec;
    return new TrunklineError('ERR_TRUNKLINE_CLOSED', `${channel}: ${method}: the client is closed; create a new one`, {
      channel,
      method,
    });
  }
}
