// What the shared client and APIClientBase have in common: sdk-base 5 with the semantics of sdk-base 4, which cluster-client 3.x
// gives to users. test/interop/sdk-base.test.ts compares both.

import type { EventEmitter } from 'node:events';
import { inspect, type InspectOptions } from 'node:util';
import { Base, type BaseOptions } from 'sdk-base';
import { isError, safeString } from '../../protocol/error-value';
import { TrunklineError } from '../errors';
import { isGeneratorFunction } from '../generator-function';
import { callGenerator } from '../run-generator';
import { nextTick } from '../time';
import { running, runningOnce } from './generator-listener';
import { adoptLoadedBase } from './loaded-base';
import { Readiness, type ReadyCallback } from './readiness';

/** Sets the readiness without an `error` event: for callers that report the failure separately. */
export const SETTLE = Symbol('settle');

type EmitterListener = Parameters<Base['on']>[1];
/** The result of `await()` as sdk-base declares the type: the payload of an event is not known. */
type AnyPromise = ReturnType<Base['await']>;

/** The first of several events: the name and all arguments of the event. */
export interface FirstEvent {
  readonly event: string | symbol;
  readonly args: unknown[];
}

export abstract class ClientBase extends Base {
  readonly #readiness = new Readiness();
  #closing: Promise<void> | undefined;

  /**
   * @param options `initMethod` names a method of the subclass that starts the client: asynchronous, or a generator
   * @throws TrunklineError ERR_TRUNKLINE_OPTION_INVALID when there is no such method
   */
  constructor(options: BaseOptions = {}) {
    super(options.localStorage ? { localStorage: options.localStorage } : undefined);
    adoptLoadedBase();
    this.options = options;
    const { initMethod } = options;
    if (!initMethod) return;
    if (typeof Reflect.get(this, initMethod) !== 'function') {
      throw this.#invalid(
        `${initMethod} should be a function, because the option initMethod names it; class fields come too late`,
      );
    }
    nextTick(() => void this.#initialise(initMethod));
  }

  /** What is shown of a client when inspected: no options, which may hold passwords, and no internals. */
  toJSON(): Record<string, unknown> {
    return { isReady: this.isReady };
  }

  [inspect.custom](depth: number, options: InspectOptions): string {
    return `${this.constructor.name || 'Client'} ${inspect(this.toJSON(), { ...options, depth })}`;
  }

  override get isReady(): boolean {
    return this.#readiness.isReady;
  }

  override get readyError(): Error | undefined {
    return this.#readiness.error;
  }

  override get hasReadyCallbacks(): boolean {
    return this.#readiness.isAwaited;
  }

  override ready(): Promise<void>;
  /**
   * @param flagOrCallback true: ready. An Error: the start has failed; the error becomes an `error` event when nobody waits.
   * false: not ready (any more), and callers that wait go on waiting. A function: called once, when the client is ready (with
   * null) or the start has failed (with the error), and never before this method returns.
   */
  override ready(flagOrCallback: boolean | Error | ReadyCallback): void;
  override ready(flagOrCallback?: boolean | Error | ReadyCallback): Promise<void> | undefined {
    if (flagOrCallback === undefined) return this.#readiness.wait();
    if (typeof flagOrCallback === 'function') this.#readiness.onceSettled(flagOrCallback);
    else if (isError(flagOrCallback)) this.#fail(flagOrCallback);
    else this.#readiness.settle(Boolean(flagOrCallback));
    return undefined;
  }

  override readyOrTimeout(milliseconds: number): Promise<void> {
    return this.#readiness.waitAtMost(milliseconds, this.constructor.name);
  }

  /** @internal */
  [SETTLE](flag: boolean | Error): void {
    this.#readiness.settle(flag);
  }

  /** The first argument of the next event of this name. An `error` event rejects only if `error` is the awaited name. */
  override await(event: string | symbol): AnyPromise;
  /** The first argument of the next event of this name that another emitter emits. */
  override await(emitter: EventEmitter, event: string | symbol): AnyPromise;
  override await(first: EventEmitter | string | symbol, second?: string | symbol): Promise<unknown> {
    const [emitter, event] = typeof first === 'object' ? [first, second!] : [this, first];
    return new Promise((resolve, reject) => {
      emitter.once(event, event === 'error' ? reject : resolve);
    });
  }

  /** The next event that has any of these names. If `error` is among the names, an `error` event rejects. */
  awaitFirst(events: readonly (string | symbol)[]): Promise<FirstEvent>;
  /** The next event of another emitter that has any of these names. */
  awaitFirst(emitter: EventEmitter, events: string | symbol | readonly (string | symbol)[]): Promise<FirstEvent>;
  async awaitFirst(
    first: EventEmitter | readonly (string | symbol)[],
    second: string | symbol | readonly (string | symbol)[] = [],
  ): Promise<FirstEvent> {
    const [emitter, events] = isList(first) ? [this, first] : [first, isList(second) ? second : [second]];
    if (events.length === 0) throw this.#invalid('awaitFirst(events): give the name of one event at least');
    return new Promise((resolve, reject) => {
      const listeners = events.map((event) => ({
        event,
        listener: (...args: unknown[]): void => {
          for (const each of listeners) emitter.removeListener(each.event, each.listener);
          if (event === 'error') reject(args[0]);
          else resolve({ event, args });
        },
      }));
      for (const { event, listener } of listeners) emitter.on(event, listener);
    });
  }

  override on(event: string | symbol, listener: EmitterListener): this {
    return super.on(event, this.#callable(event, listener));
  }

  override addListener(event: string | symbol, listener: EmitterListener): this {
    return this.on(event, listener);
  }

  override prependListener(event: string | symbol, listener: EmitterListener): this {
    return super.prependListener(event, this.#callable(event, listener));
  }

  override once(event: string | symbol, listener: EmitterListener): this {
    return isGeneratorFunction(listener) ? super.on(event, runningOnce(this, event, listener)) : super.once(event, listener);
  }

  override prependOnceListener(event: string | symbol, listener: EmitterListener): this {
    return isGeneratorFunction(listener)
      ? super.prependListener(event, runningOnce(this, event, listener))
      : super.prependOnceListener(event, listener);
  }

  /**
   * Runs `_close()` of the subclass, once; an error of `_close()` becomes an `error` event. Each call waits for the end of
   * `_close()`.
   */
  override close(): Promise<void> {
    this.#makeCallable('_close');
    this.#closing ??= super.close();
    return this.#closing;
  }

  async #initialise(name: string): Promise<void> {
    try {
      this.#makeCallable(name);
      const returned: unknown = (Reflect.get(this, name) as () => unknown).call(this);
      if (typeof (returned as PromiseLike<unknown> | undefined)?.then !== 'function') {
        throw this.#invalid(`${name} should return a promise or be a generator, because the option initMethod names it`);
      }
      await returned;
    } catch (error) {
      this.ready(isError(error) ? error : new Error(safeString(error), { cause: error }));
      return;
    }
    this.ready(true);
  }

  /** A generator method becomes a method that runs the generator on this instance, and every caller gets a promise. */
  #makeCallable(name: string): void {
    const method: unknown = Reflect.get(this, name);
    if (isGeneratorFunction(method)) Reflect.set(this, name, (...args: unknown[]) => callGenerator(method, this, args));
  }

  #fail(error: Error): void {
    const isAwaited = this.#readiness.isAwaited;
    this.#readiness.settle(error);
    if (!isAwaited && !isClosure(error)) this.emit('error', error);
  }

  #callable(event: string | symbol, listener: EmitterListener): EmitterListener {
    return isGeneratorFunction(listener) ? running(this, event, listener) : listener;
  }

  #invalid(what: string): TrunklineError {
    return new TrunklineError('ERR_TRUNKLINE_OPTION_INVALID', `${this.constructor.name}: ${what}`);
  }
}

/** A start that ended because the client was closed is no failure that somebody must be told. */
function isClosure(error: Error): boolean {
  return error instanceof TrunklineError && error.code === 'ERR_TRUNKLINE_CLOSED';
}

function isList(value: unknown): value is readonly (string | symbol)[] {
  return Array.isArray(value);
}
