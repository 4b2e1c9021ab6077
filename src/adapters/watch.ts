// What `config.watch` and `registry.watch` return: one watched key, prefix or service, with its newest state, as an async iterator,
// and with a listener.

import { onAbort } from '../abort-listeners';
import { TrunklineError } from '../errors';
import type { ClientStatus, LatestValuesOptions, SubscriptionHandle, ValueIterator } from '../index';
import type { OwnedEntry, StoredEntry, Watched, WatchedState, WriteOptions } from './registry';

/** What the front needs of a shared client over an adapter's class. */
export interface SharedStoreClient {
  ready(): Promise<unknown>;
  /** `error` and the other events of a shared client, and what the adapter's class emits in the process that leads. */
  on(event: string, listener: (...args: never[]) => void): unknown;
  status(): ClientStatus;
  close(): Promise<void>;
  /** Whether the process stays alive for this client, see docs/api.md#ref-and-unref. */
  ref(): unknown;
  unref(): unknown;
  subscribe(what: Watched, listener: (state: WatchedState) => unknown): unknown;
  values(what: Watched, options?: LatestValuesOptions): ValueIterator<WatchedState>;
  publish(entry: OwnedEntry): unknown;
  unPublish(entry: OwnedEntry): Promise<void>;
  get(key: string): Promise<StoredEntry | null>;
  list(prefix: string): Promise<readonly StoredEntry[]>;
  put(key: string, bytes: Uint8Array, options?: WriteOptions): Promise<number>;
  delete(key: string, options?: WriteOptions): Promise<boolean>;
}

export interface WatchOptions {
  /** Ends the watch: its loops and `ready` are rejected with the reason of the signal. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * The last arguments of a `watch`: a listener, options, both or none.
 * @throws TrunklineError ERR_TRUNKLINE_OPTION_INVALID
 */
export function watchArguments<T>(
  method: string,
  second: unknown,
  third: unknown,
): { readonly listener: ((state: T) => unknown) | undefined; readonly options: WatchOptions } {
  const isListener = typeof second === 'function';
  const options = (isListener ? third : second) ?? {};
  const invalid = (option: string, sentence: string): TrunklineError =>
    new TrunklineError('ERR_TRUNKLINE_OPTION_INVALID', `${method}(what, listener, options): ${sentence}`, { option });
  if (!isListener && second !== undefined && typeof second !== 'object') throw invalid('listener', 'listener must be a function');
  if (typeof options !== 'object') throw invalid('options', 'options must be an object');
  const { signal } = options as WatchOptions;
  if (signal !== undefined && !isSignal(signal)) throw invalid('signal', 'signal must be an AbortSignal');
  return { listener: isListener ? (second as (state: T) => unknown) : undefined, options: options };
}

export class Watch<T> implements AsyncIterable<T> {
  readonly what: Watched;
  readonly #client: SharedStoreClient;
  readonly #read: (state: WatchedState, before: T | undefined) => T;
  readonly #onClose: (watch: Watch<T>) => void;
  readonly #signal: AbortSignal | undefined;
  #ignoreSignal: (() => void) | undefined;
  #handle: SubscriptionHandle | undefined;
  #ready: Promise<T> | undefined;
  #current: { readonly value: T } | undefined;
  readonly #iterators = new Set<ValueIterator<WatchedState>>();
  #isOver = false;

  /**
   * Subscribes at once.
   * @param read turns a state of the store into what users get @param onClose called when the watch has ended, however
   */
  constructor(
    client: SharedStoreClient,
    what: Watched,
    read: (state: WatchedState, before: T | undefined) => T,
    listener: ((state: T) => unknown) | undefined,
    { signal }: WatchOptions,
    onClose: (watch: Watch<T>) => void,
  ) {
    this.#client = client;
    this.what = what;
    this.#read = read;
    this.#onClose = onClose;
    this.#signal = signal;
    if (signal?.aborted) {
      this.#isOver = true;
      return;
    }
    if (signal) this.#ignoreSignal = onAbort(signal, () => this.#end());
    // What the listener returns is given back: a promise that is rejected is an `error` event of the client.
    this.#handle = client.subscribe(what, (state) => {
      this.#current = { value: read(state, this.#current?.value) };
      return listener?.(this.#current.value);
    }) as SubscriptionHandle;
  }

  /** Whether the watch has ended: `close()`, its signal, or a loop that was left. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whether the first state has come. Until then `current` says nothing. */
  get isKnown(): boolean {
    return this.#current !== undefined;
  }

  /** The newest state, at once; undefined until the first one has come. It stays when the store is away, and when the watch has ended. */
  get current(): T | undefined {
    return this.#current?.value;
  }

  /**
   * Resolves with the first state.
   * @throws (rejects) the reason of the signal, or TrunklineError ERR_TRUNKLINE_CLOSED when the watch or the client is closed before
   */
  get ready(): Promise<T> {
    if (!this.#ready) {
      this.#ready = this.#first();
      this.#ready.catch(() => undefined); // a promise that nobody awaits reports nothing
    }
    return this.#ready;
  }

  async #first(): Promise<T> {
    try {
      await this.#handle?.ready;
    } catch (error) {
      throw this.#signal?.aborted ? this.#signal.reason : error;
    }
    if (this.#current) return this.#current.value;
    if (this.#signal?.aborted) throw this.#signal.reason;
    throw new TrunklineError('ERR_TRUNKLINE_CLOSED', `the watch of ${nameOf(this.what)} has ended before its first value came`);
  }

  /** Whether `current` may be older than what the store has: the store is away, or a leader is sought. */
  get isStale(): boolean {
    return this.#handle?.isStale ?? true;
  }

  /**
   * The states one after the other: the newest that the reader has not seen, never an older one. Leaving a loop closes the watch, and
   * closing the watch ends its loops.
   */
  [Symbol.asyncIterator](): ValueIterator<T> {
    const values = this.#client.values(this.what, this.#signal ? { signal: this.#signal } : undefined);
    this.#iterators.add(values);
    if (this.#isOver && !this.#signal?.aborted) void values.return();
    let before: T | undefined;
    const next = async (): Promise<IteratorResult<T, undefined>> => {
      try {
        const step = await values.next();
        if (!step.done) return { done: false, value: (before = this.#read(step.value, before)) };
      } catch (error) {
        this.close();
        throw error;
      }
      this.close();
      return { done: true, value: undefined };
    };
    const end = async (): Promise<IteratorResult<T, undefined>> => {
      await values.return();
      this.close();
      return { done: true, value: undefined };
    };
    return {
      next,
      return: end,
      [Symbol.asyncIterator]() {
        return this;
      },
      async [Symbol.asyncDispose]() {
        await end();
      },
    };
  }

  /** Ends the watch: no listener is called any more. Idempotent. */
  close(): void {
    this.#end();
    for (const values of this.#iterators) void values.return();
    this.#iterators.clear();
  }

  /** Ends everything but the loops, which hear of an aborted signal by themselves. */
  #end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#ignoreSignal?.();
    this.#handle?.unsubscribe();
    this.#onClose(this);
  }

  /** For `using watch = config.watch(…)`. */
  [Symbol.dispose](): void {
    this.close();
  }
}

function isSignal(given: unknown): boolean {
  const signal = given as Partial<AbortSignal> | null;
  return typeof signal?.aborted === 'boolean' && 'addEventListener' in signal;
}

function nameOf(what: Watched): string {
  return 'key' in what ? what.key : `${what.prefix}…`;
}
