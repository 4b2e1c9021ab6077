// The class of the objects that users hold: an emitter with `ready()`, on which the builder (cluster.ts) puts the delegated
// methods. Joins the requests of this process (registrations.ts) with the place of this process in the host (failover.ts).

import { messageOf } from '../../protocol/error-value';
import type { CallStyle } from '../../protocol/message';
import { whyNotDecodable } from '../../protocol/structured-format';
import { TrunklineError } from '../errors';
import { isGeneratorFunction, type GeneratorMethod } from '../generator-function';
import type { ResolvedOptions } from '../options';
import { runGenerator } from '../run-generator';
import { isEnding, openClients } from '../seat';
import type { ChannelSpec, Role } from '../roles/role';
import { snapshot } from '../snapshot';
import { nextTick, patientTimeout, soon } from '../time';
import { ClientBase, SETTLE } from './client-base';
import { Failover, type Participation } from './failover';
import { forwardEvents } from './forward-events';
import { appendOwnStack } from './own-stack';
import { Readiness } from './readiness';
import { statusOf, type ClientStatus } from './status';
import { logUnheard } from './unheard-error';
import { ListenerEntry, Registrations, type ValueListener } from './registrations';

/** The name under which cluster-client 3.x closes a client; `close()` of either library then works on either's clients. */
export const CLOSE = Symbol.for('ClusterClient#close');

/** What delegated methods are made of. */
export interface ClientVerbs {
  readonly subscribe: (registration: unknown, listener: ValueListener) => void;
  readonly unSubscribe: (registration: unknown, listener?: ValueListener) => void;
  readonly publish: (registration: unknown) => void;
  /**
   * @param idempotent sent again when the leader is lost meanwhile
   * @returns in style `promise` a single value, in style `callback` the array of all results
   */
  invoke(method: string, args: readonly unknown[], style: CallStyle, idempotent: boolean): Promise<unknown>;
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
  readonly #mirrors = new Set<ReadyMirror>();
  /** The readiness for calls that wait for a role. Unlike the readiness of the client, this readiness is settled in any case. */
  readonly #roleReadiness = new Readiness();
  #lastSetback = '';
  #state: 'open' | 'closing' | 'closed' = 'open';
  #closing: Promise<void> | undefined;
  readonly #closer = (): Promise<void> => this[CLOSE]();

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
    this.#failover = new Failover({
      spec,
      participation,
      maxWaitMs: options.maxWaitTime,
      hooks: {
        onError: (error) => {
          this.#emitError(error);
        },
        // The event `close` is left out: on this client `close` says that the shared client is closed.
        onUpstream: (upstreamClient) => {
          const stop = forwardEvents(upstreamClient, this, ['close']);
          return () => {
            stop((error) => this.#logLate(error));
          };
        },
      },
      events: {
        onEnter: (role) => {
          this.#lastSetback = '';
          this.#registrations.replay(role.verbs);
          this.#setReady(true);
        },
        onLeave: () => {
          this.#setReady(false);
        },
        onSetback: (error) => {
          this.#onSetback(error);
        },
        onRecovery: () => {
          this.#lastSetback = '';
          this.#setReady(true);
        },
      },
    });
    expose({
      subscribe: (registration, listener) => {
        this.#subscribe(registration, listener);
      },
      unSubscribe: (registration, listener) => {
        if (this.#state !== 'open') return;
        this.#registrations.unsubscribe(this.#spec.formatKey(registration), listener, this.#failover.role?.verbs);
      },
      publish: (registration) => {
        if (!this.#isOpenFor('publish')) return;
        const said = this.#said('a registration', registration);
        this.#registrations.publish(this.#spec.formatKey(said), said, this.#failover.role?.verbs);
      },
      invoke: (method, args, style, idempotent) => this.#invoke(method, args, style, idempotent),
      invokeOneway: (method, args) => {
        this.#invokeOneway(method, args);
      },
      callBack: (callback, ...results) => {
        this.#run('a callback', callback, results);
      },
    });
    openClients().add(this.#closer);
    this.#failover.start();
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
    return statusOf({
      channel: this.#spec.name,
      port: this.#options.singleMode ? undefined : this.#options.port,
      isClosed: this.#state !== 'open',
      isReady: this.isReady,
      role: this.#failover.role,
      search: this.#failover.search,
    });
  }

  override toJSON(): Record<string, unknown> {
    const { name: channel } = this.#spec;
    return { channel, state: SharedClient.prototype.status.call(this).state, role: this.#failover.role?.kind };
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
    openClients().delete(this.#closer);
    this.#state = 'closed';
  }

  #subscribe(registration: unknown, listener: ValueListener): void {
    const { name: channel } = this.#spec;
    if (typeof listener !== 'function') {
      throw new TrunklineError(
        'ERR_TRUNKLINE_OPTION_INVALID',
        `${channel}: subscribe(registration, listener): listener should be a function`,
        { channel },
      );
    }
    if (!this.#isOpenFor('subscribe')) return;
    const said = this.#said('a registration', registration);
    const key = this.#spec.formatKey(said);
    const entry = new ListenerEntry(said, listener, this.#deliver);
    const { subscribeTimeout } = this.#options;
    if (subscribeTimeout) {
      entry.patience = patientTimeout(this.#spec.clock, subscribeTimeout, () => {
        const message = `${channel}: subscribe timeout for ${key}, no value in ${subscribeTimeout} ms; the subscription stays in place`;
        this.#emitError(new TrunklineError('ERR_TRUNKLINE_SUBSCRIBE_TIMEOUT', message, { channel, key, subscribeTimeout }));
      });
    }
    this.#registrations.subscribe(key, entry, this.#failover.role?.verbs);
  }

  readonly #deliver = (listener: ValueListener, payload: Buffer): void => {
    if (this.#state !== 'open') return;
    let value: unknown;
    try {
      // Decoded for each listener: two listeners never share a mutable value.
      value = this.#spec.values.decode(payload);
    } catch (cause) {
      const { name: channel } = this.#spec;
      const message = `${channel}: a value cannot be decoded; ${whyNotDecodable(cause)}`;
      this.#emitError(new TrunklineError('ERR_TRUNKLINE_NOT_DECODABLE', message, { channel, cause }));
      return;
    }
    this.#run('a listener', listener, [value]);
  };

  /** Runs code of the user that must not stop anybody else. */
  #run(what: string, code: (...args: never[]) => unknown, args: unknown[]): void {
    const failed = (cause: unknown): void => {
      const { name: channel } = this.#spec;
      const reason = messageOf(cause);
      this.#emitError(
        new TrunklineError('ERR_TRUNKLINE_LISTENER_THREW', `${channel}: ${what} threw: ${reason}`, { channel, cause }),
      );
    };
    try {
      const given = code(...(args as never[]));
      // What the code is matters only when it gives an object, which listeners rarely do.
      const isGenerator = typeof given === 'object' && given !== null && isGeneratorFunction(code);
      const returned = isGenerator ? runGenerator(given as ReturnType<GeneratorMethod>, undefined) : given;
      if (returned instanceof Promise) returned.catch(failed);
    } catch (error) {
      failed(error);
    }
  }

  /** Awaits instead of chaining promises: the stack of a failed call shows the awaiting callers. */
  async #invoke(method: string, given: readonly unknown[], style: CallStyle, idempotent: boolean): Promise<unknown> {
    const args = this.#saidArguments(method, given, idempotent);
    const unpublished = this.#noteUnpublish(method, given);
    let release = this.#registrations.holdBack(unpublished);
    for (;;) {
      let role: Role;
      let answer: Promise<unknown[]>;
      let ended: (() => void) | undefined;
      try {
        role = this.#failover.role ?? (await this.#nextRole(method));
        ended = this.#registrations.takeBack(unpublished, role.verbs);
        answer = role.verbs.call(method, args, style);
      } finally {
        release();
      }
      try {
        const results = await answer;
        return style === 'promise' ? results[0] : results;
      } catch (error) {
        // The code alone is not enough: an upstream method that uses a shared client may fail with the same code.
        const isLeaderLost = role.isOver && error instanceof TrunklineError && error.code === 'ERR_TRUNKLINE_LEADER_LOST';
        if (!idempotent || this.#state !== 'open' || !isLeaderLost) {
          if (!role.isLeader) appendOwnStack(error);
          throw error;
        }
        await role.ended;
        release = this.#registrations.holdBack(unpublished); // before it has ended: what is published meanwhile goes after the next try
      } finally {
        ended?.();
      }
    }
  }

  #invokeOneway(method: string, given: readonly unknown[]): void {
    if (!this.#isOpenFor(method)) return;
    let args: readonly unknown[];
    let unpublished: string | undefined;
    try {
      args = this.#saidArguments(method, given, false);
      unpublished = this.#noteUnpublish(method, given);
    } catch (error) {
      this.#emitError(error);
      return;
    }
    const { role } = this.#failover;
    if (role) {
      role.verbs.notify(method, args);
      return;
    }
    const release = this.#registrations.holdBack(unpublished);
    this.#nextRole(method)
      .then((next) => next.verbs.notify(method, args))
      .catch((error: unknown) => this.#emitError(error))
      .finally(release);
  }

  /**
   * The arguments as given now. A follower encodes arguments at once, so only arguments that may be sent again have to be copied
   * there.
   */
  #saidArguments(method: string, args: readonly unknown[], isRepeatable: boolean): readonly unknown[] {
    const { role } = this.#failover;
    if (role && !role.isLeader && !isRepeatable) return args;
    return args.some((value) => typeof value === 'object') ? this.#said(`the arguments of ${method}`, args) : args;
  }

  /** @throws TrunklineError ERR_TRUNKLINE_NOT_ENCODABLE when a getter of the user throws */
  #said<T>(what: string, value: T): T {
    try {
      return snapshot(value);
    } catch (cause) {
      const { name: channel } = this.#spec;
      const message = `${channel}: ${what} cannot be encoded: ${messageOf(cause)}`;
      throw new TrunklineError('ERR_TRUNKLINE_NOT_ENCODABLE', message, { channel, cause });
    }
  }

  /** Waits until there is a role; rejects when there is no role and a reason is known. */
  async #nextRole(method: string): Promise<Role> {
    this.#assertOpen(method);
    for (;;) {
      try {
        await this.#roleReadiness.wait();
      } finally {
        this.#assertOpen(method);
      }
      if (this.#failover.role) return this.#failover.role; // the role may be lost again already
    }
  }

  /** A publication that the user takes back is not repeated to the next leader. @returns the key */
  #noteUnpublish(method: string, args: readonly unknown[]): string | undefined {
    if (method !== this.#spec.methods.unPublish) return undefined;
    const key = this.#spec.formatKey(args[0]);
    this.#registrations.unpublish(key);
    return key;
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
