// The user's upstream client, kept alive: created, awaited, created again when the client failed to start or closed without
// being asked to. Single (single.ts) decides what to ask of the client.

import { types } from 'node:util';
import { isError, messageOf, safeString } from '../../../protocol/error-value';
import type { CallStyle } from '../../../protocol/message';
import { TrunklineError, type ErrorCode } from '../../errors';
import { snapshot } from '../../snapshot';
import { Trace, upstreamCallChannel } from '../../telemetry';
import { Backoff, patientTimeout, within, type Patience, type Timer } from '../../time';
import { isCallbackUnclear } from '../callback-parameter';
import type { ChannelSpec, StreamReader } from '../role';
import type { KeyVerb } from './key-lane';
import { UpstreamInstance } from './upstream-instance';
import { UpstreamStream } from './upstream-stream';
import {
  holdsGenerator,
  isThenable,
  markHandled,
  nativePromise,
  runMethod,
  runVerb,
  traitsOf,
  type Method,
} from './upstream-method';

export interface UpstreamHooks {
  /** A live client exists, perhaps not ready yet. @returns undoes everything that was attached to the client */
  onCreated(client: object): () => void;
  /** The client is ready, and knows no subscription and no publication yet. */
  onReady(): void;
  /** The client is not ready, for this reason. The next attempt follows. */
  onSetback(error: unknown): void;
}

/** A client that has closed without being asked to and still has calls under way. */
interface Loss {
  readonly instance: UpstreamInstance;
  readonly patience: Patience;
}

/** Time between two attempts to get a working upstream client, ms. */
const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 10_000;
/** How long the close method of a failed client may take before a new client is created, ms. */
const DISCARD_MS = 1_000;
/** How long the close method may take when the user closes. */
const CLOSE_MS = 5_000;
/** How long the calls of a lost client may take to end, ms: the class's own errors say most about the loss. */
const LAST_WORDS_MS = 1_000;

export class Upstream {
  readonly #spec: ChannelSpec;
  readonly #hooks: UpstreamHooks;
  readonly #backoff = new Backoff(RETRY_MIN_MS, RETRY_MAX_MS);
  /** At most one client exists: the next client is created when this client has been discarded. */
  #instance: UpstreamInstance | undefined;
  #discarding: Promise<void> | undefined;
  readonly #losses = new Set<Loss>();
  /** Why there is no client at present; undefined when nothing is known. */
  #lossCause: unknown;
  #retry: Timer | undefined;
  #closed = false;

  constructor(spec: ChannelSpec, hooks: UpstreamHooks) {
    this.#spec = spec;
    this.#hooks = hooks;
  }

  get isReady(): boolean {
    return this.#instance?.isReady === true;
  }

  /** Resolves when no call is under way. */
  get idle(): Promise<void> {
    return this.#instance?.calls.idle ?? Promise.resolve();
  }

  start(): void {
    if (this.#closed) return;
    try {
      const instance = new UpstreamInstance(this.#spec.createUpstream(), this.#spec.clock);
      this.#instance = instance;
      this.#attach(instance);
      this.#await(instance);
    } catch (error) {
      this.#failed(error);
    }
  }

  /** Whether the client has a method for this verb. */
  has(verb: keyof ChannelSpec['methods']): boolean {
    try {
      return this.#verbOf(this.#instance, verb) !== undefined;
    } catch {
      return true; // a getter that throws: a use of the method reports the error
    }
  }

  /**
   * Calls a verb of the client; without effect if the client lacks the method. Never throws. The client may change the copy of
   * the registration: the next client, and the next verb, must get the registration as given by the user.
   * @returns settles as the promise of the method; undefined when the method gave no promise and is done
   */
  ask(verb: KeyVerb, args: readonly unknown[]): Promise<unknown> | undefined {
    const instance = this.#instance;
    try {
      const method = this.#verbOf(instance, verb);
      const returned = method && runVerb(instance!.client, method, args.map(snapshot));
      if (!types.isPromise(returned) && !isThenable(returned)) return undefined;
      return nativePromise(returned).catch((error: unknown) => {
        if (this.#instance !== instance) instance?.note(error);
        throw error;
      });
    } catch (error) {
      markHandled(error); // the thrown value may be a promise
      return Promise.reject(error);
    }
  }

  /**
   * Calls a method as `runMethod` does, and rejects the call when the client is lost meanwhile. No method, result, error or
   * failure of the two functions can cause an uncaught exception or an unhandled rejection.
   */
  run(
    name: string,
    args: readonly unknown[],
    style: CallStyle | undefined,
    resolve: (values: unknown[]) => void,
    reject: (error: unknown) => void,
  ): Promise<void> | undefined {
    const instance = this.#instance;
    const refuse = (error: unknown): void => {
      markHandled(error);
      try {
        reject(error);
      } catch (cause) {
        this.#spec.logger.error(`${this.#spec.name}: nobody can be told how a call of ${name} ended: ${messageOf(cause)}`);
      }
    };
    let method: Method;
    try {
      method = this.#methodOf(instance, name);
    } catch (error) {
      refuse(error);
      return undefined;
    }
    const { isAsync, isGenerator, isAsyncGenerator } = traitsOf(method);
    if (isAsyncGenerator) {
      refuse(this.#error('ERR_TRUNKLINE_NOT_SHARED', `${name} ${IS_GENERATOR}`, { method: name }));
      return undefined;
    }
    if (style === 'promise' && !isAsync && !isGenerator && isCallbackUnclear(method, args.length)) {
      refuse(this.#error('ERR_TRUNKLINE_CALLBACK_UNCLEAR', `${name}: ${UNCLEAR}`, { method: name }));
      return undefined;
    }
    if (!upstreamCallChannel.hasSubscribers) return this.#runOn(instance!, name, method, args, style, resolve, refuse);
    const trace = new Trace(upstreamCallChannel, { channel: this.#spec.name, method: name });
    const succeed = (values: unknown[]): void => {
      resolve(values);
      trace.succeeded(values.length <= 1 ? values[0] : values);
    };
    const fail = (error: unknown): void => {
      trace.failed(error);
      refuse(error);
    };
    return trace.run(() => this.#runOn(instance!, name, method, args, style, succeed, fail));
  }

  /** @param refuse must not throw */
  #runOn(
    instance: UpstreamInstance,
    name: string,
    method: Method,
    args: readonly unknown[],
    style: CallStyle | undefined,
    resolve: (values: unknown[]) => void,
    refuse: (error: unknown) => void,
  ): Promise<void> | undefined {
    const { client, calls } = instance;
    const number = calls.begin(refuse);
    return runMethod(
      client,
      method,
      args,
      style,
      // An answer that comes after the call was given up is none.
      (values) => {
        if (!calls.end(number, refuse)) return;
        if (holdsGenerator(values)) {
          refuse(this.#error('ERR_TRUNKLINE_NOT_SHARED', `${name} ${IS_GENERATOR}`, { method: name }));
          return;
        }
        try {
          resolve(values);
        } catch (error) {
          refuse(error);
        }
      },
      (error) => {
        if (!calls.end(number, refuse)) return;
        if (this.#instance !== instance) instance.note(error);
        refuse(error);
      },
    );
  }

  /**
   * A method that gives an async iterator, as a stream. The first step calls the method.
   * @throws TrunklineError when there is no client to ask, or no such method
   */
  stream(name: string, args: readonly unknown[]): StreamReader {
    const instance = this.#instance;
    const method = this.#methodOf(instance, name);
    const { client, calls } = instance!;
    const { name: channel, logger } = this.#spec;
    const fail = (reason: unknown): void => stream.fail(reason);
    const number = calls.begin(fail);
    const stream = new UpstreamStream({
      channel,
      method: name,
      logger,
      open: () => method.apply(client, args as unknown[]),
      onOver: () => void calls.end(number, fail),
    });
    return stream;
  }

  /** @throws TrunklineError, or what a getter of the client throws */
  #methodOf(instance: UpstreamInstance | undefined, name: string): Method {
    if (this.#closed) throw this.#error('ERR_TRUNKLINE_CLOSED', `${name} cannot run, the client was closed`, { method: name });
    if (!instance?.isReady) {
      const facts = { method: name, cause: this.#lossCause };
      throw this.#error('ERR_TRUNKLINE_UPSTREAM_LOST', `${name} cannot run, ${LOST}; try again`, facts);
    }
    const method = instance.client[name];
    if (typeof method === 'function') return method as Method;
    const what = `the upstream client has no method ${name}; check delegate()`;
    throw this.#error('ERR_TRUNKLINE_UNKNOWN_METHOD', what, { method: name });
  }

  /** Closes the client, and waits for clients that are being discarded. Idempotent. */
  async close(): Promise<void> {
    this.#closed = true;
    this.#spec.clock.clearTimeout(this.#retry);
    const instance = this.#instance;
    this.#instance = undefined;
    const reason = this.#error('ERR_TRUNKLINE_CLOSED', 'the client was closed while a call was under way');
    for (const loss of this.#losses) this.#giveUp(loss, reason);
    if (instance) {
      instance.giveUpCalls(reason);
      // Events of the client during the close still reach the user; later events do not.
      try {
        if (!(await within(this.#spec.clock, CLOSE_MS, this.#closeClient(instance)))) {
          throw this.#error('ERR_TRUNKLINE_CLOSE_TIMEOUT', `the upstream client did not close within ${CLOSE_MS} ms`);
        }
      } finally {
        instance.detach();
      }
    }
    await this.#discarding;
  }

  #attach(instance: UpstreamInstance): void {
    const detach = this.#hooks.onCreated(instance.client);
    instance.attach(detach, () => {
      if (this.#instance === instance) this.#lost(instance);
    });
  }

  #await(instance: UpstreamInstance): void {
    instance.whenReady((error) => {
      if (this.#instance !== instance || instance.isReady) return;
      if (error) {
        this.#failed(error);
        return;
      }
      instance.isReady = true;
      this.#spec.clock.clearTimeout(this.#retry);
      this.#backoff.reset();
      this.#lossCause = undefined;
      this.#hooks.onReady();
    });
  }

  #failed(error: unknown): void {
    if (this.#closed) return;
    const reason = isError(error) ? error : this.#error('ERR_TRUNKLINE_UPSTREAM_FAILED', failedToStart(error), { cause: error });
    this.#hooks.onSetback(reason);
    this.#tryLater();
  }

  #lost(instance: UpstreamInstance): void {
    const cause = instance.recentError;
    this.#lossCause = cause;
    void this.#discard(instance).then(() => {
      this.#tryLater();
    });
    this.#hooks.onSetback(this.#error('ERR_TRUNKLINE_UPSTREAM_LOST', LOST, { cause }));
  }

  #tryLater(): void {
    if (this.#closed) return;
    this.#spec.clock.clearTimeout(this.#retry);
    this.#retry = this.#spec.clock.setTimeout(() => {
      this.#tryAgain().catch((error: unknown) => {
        this.#failed(error);
      });
    }, this.#backoff.nextMs());
  }

  async #tryAgain(): Promise<void> {
    const failed = this.#instance;
    if (failed) {
      // The client may have recovered meanwhile; and next to a client that cannot be closed no second client may be created.
      if (failed.isReadyNow || !this.has('close')) {
        this.#await(failed);
        return;
      }
      await this.#discard(failed);
    }
    this.start();
  }

  /** Ends an instance for good; afterwards there is none. */
  #discard(instance: UpstreamInstance): Promise<void> {
    this.#spec.clock.clearTimeout(this.#retry);
    this.#instance = undefined;
    instance.isReady = false;
    instance.detach();
    this.#awaitLastWords(instance);
    // The failure was reported already; the outcome of the close changes nothing.
    this.#discarding = within(this.#spec.clock, DISCARD_MS, this.#closeClient(instance)).then(
      () => undefined,
      () => undefined,
    );
    return this.#discarding;
  }

  /**
   * The class knows best why calls fail, and rejections by the class count for a while. Only calls that do not end are ended
   * here.
   */
  #awaitLastWords(instance: UpstreamInstance): void {
    if (instance.calls.isIdle) {
      instance.forgetErrors();
      return;
    }
    const patience = patientTimeout(this.#spec.clock, LAST_WORDS_MS, () => {
      const cause = instance.recentError;
      this.#giveUp(loss, this.#error('ERR_TRUNKLINE_UPSTREAM_LOST', LOST, { cause }));
    });
    const loss: Loss = { instance, patience };
    this.#losses.add(loss);
  }

  #giveUp(loss: Loss, reason: Error): void {
    this.#losses.delete(loss);
    loss.patience.cancel();
    loss.instance.giveUpCalls(reason);
  }

  async #closeClient(instance: UpstreamInstance): Promise<void> {
    const method = this.#verbOf(instance, 'close');
    if (method) await runVerb(instance.client, method, []);
  }

  #verbOf(instance: UpstreamInstance | undefined, verb: keyof ChannelSpec['methods']): Method | undefined {
    const name = this.#spec.methods[verb];
    const method = name === undefined ? undefined : instance?.client[name];
    return typeof method === 'function' ? (method as Method) : undefined;
  }

  #error(code: ErrorCode, what: string, facts: { method?: string; cause?: unknown } = {}): TrunklineError {
    const { name: channel } = this.#spec;
    return new TrunklineError(code, `${channel}: ${what}`, { channel, ...facts });
  }
}

/** @param reason no Error: nothing, or any value that the upstream client gave instead */
function failedToStart(reason: unknown): string {
  const text = reason === undefined ? '' : `: ${safeString(reason)}`;
  return `the upstream client failed to start${text}`;
}

const LOST = 'the upstream client has closed and a new one is being created';
const IS_GENERATOR =
  "gives a generator, which is no result; share the method as a stream in every process: delegate(name, 'stream')";
const UNCLEAR =
  'the names of its parameters are lost, as in minified code, so nobody can tell whether the last one is a callback; give it a callback ' +
  'or undefined, or call the parameter callback';
