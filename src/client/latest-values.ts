// The values of a subscription as an async iterator that never falls behind: a slow reader gets the newest value, and never an older
// one after it.

import { onAbort } from '../abort-listeners';

export interface LatestValuesOptions {
  /** Ends the iteration: the next step is rejected with the reason of the signal. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * What `values()` returns: an `AsyncIterableIterator` that ends without a value. Written out, because only TypeScript 5.6 and newer
 * know the second type parameter of the built-in type.
 */
export interface ValueIterator<V> {
  next(): Promise<IteratorResult<V, undefined>>;
  return(): Promise<IteratorResult<V, undefined>>;
  [Symbol.asyncIterator](): this;
  [Symbol.asyncDispose](): Promise<void>;
}

/** Gives payloads to the iterator until it is told to stop. */
export interface ValueSource<T> {
  /** Subscribes. `onEnd`: the subscription was ended by somebody else, or the client is closed. @returns unsubscribes */
  open(onValue: (value: T) => void, onEnd: () => void): () => void;
}

type Step<V> = { readonly resolve: (result: IteratorResult<V, undefined>) => void; readonly reject: (error: unknown) => void };

/**
 * @typeParam T what the source gives @typeParam V what the reader gets: made when the reader takes it, so that what is skipped costs
 * nothing
 */
export class LatestValues<T, V> implements ValueIterator<V> {
  readonly #source: ValueSource<T>;
  readonly #read: (value: T) => V;
  readonly #signal: AbortSignal | undefined;
  #ignoreSignal: (() => void) | undefined;
  #close: (() => void) | undefined;
  #newest: { readonly value: T } | undefined;
  #state: 'new' | 'open' | 'over' = 'new';
  /** Whether the signal was aborted while no step was waiting: the next step is rejected. */
  #isAbortUntold = false;
  /** Steps that wait for a value, oldest first. */
  #waiting: Step<V>[] = [];

  constructor(source: ValueSource<T>, read: (value: T) => V, { signal }: LatestValuesOptions = {}) {
    this.#source = source;
    this.#read = read;
    this.#signal = signal;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  /** The newest value that this iterator has not given yet, as soon as there is one. The first step subscribes. */
  next(): Promise<IteratorResult<V, undefined>> {
    return new Promise((resolve, reject) => {
      if (this.#state === 'new' && this.#signal?.aborted) this.#onAbort();
      if (this.#isAbortUntold) {
        this.#isAbortUntold = false;
        reject(this.#signal!.reason);
        return;
      }
      if (this.#state === 'new') this.#open();
      if (this.#state === 'over') {
        resolve({ done: true, value: undefined });
        return;
      }
      this.#waiting.push({ resolve, reject });
      this.#serve();
    });
  }

  /** Unsubscribes. `break` and `throw` in a `for await` loop do this. */
  return(): Promise<IteratorResult<V, undefined>> {
    this.#isAbortUntold = false;
    this.#finish();
    return Promise.resolve({ done: true, value: undefined });
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#finish();
    return Promise.resolve();
  }

  #open(): void {
    this.#state = 'open';
    if (this.#signal) this.#ignoreSignal = onAbort(this.#signal, this.#onAbort);
    try {
      this.#close = this.#source.open(
        (value) => {
          this.#newest = { value };
          this.#serve();
        },
        () => this.#finish(),
      );
    } catch (error) {
      this.#finish(); // the registration cannot be subscribed: no later step may wait
      throw error;
    }
  }

  #serve(): void {
    if (!this.#newest || this.#waiting.length === 0) return;
    const { value } = this.#newest;
    this.#newest = undefined;
    const { resolve, reject } = this.#waiting.shift()!;
    try {
      resolve({ done: false, value: this.#read(value) });
    } catch (error) {
      this.#finish();
      reject(error);
    }
  }

  readonly #onAbort = (): void => {
    const first = this.#waiting.shift();
    this.#finish();
    if (first) first.reject(this.#signal!.reason);
    else this.#isAbortUntold = true;
  };

  #finish(): void {
    if (this.#state === 'over') return;
    this.#state = 'over';
    this.#ignoreSignal?.();
    this.#close?.();
    this.#newest = undefined;
    for (const { resolve } of this.#waiting.splice(0)) resolve({ done: true, value: undefined });
  }
}
