// What `subscribe` returns: a way to take this single subscription back, and to wait for the first value.

import type { ListenerEntry } from './registrations';

const DONE = Promise.resolve();

/**
 * A subscription of one listener. May be awaited like the promise that a `subscribe` of the class gives: that resolves at once, with
 * nothing.
 */
export class SubscriptionHandle implements PromiseLike<void> {
  readonly #entry: ListenerEntry;
  readonly #end: () => void;
  readonly #isStale: () => boolean;
  #ready: Promise<void> | undefined;

  /**
   * @param end takes the subscription back
   * @param isStale whether values may be older than those of the server
   */
  constructor(entry: ListenerEntry, end: () => void, isStale: () => boolean) {
    this.#entry = entry;
    this.#isStale = isStale;
    this.#end = end;
  }

  /**
   * Resolves when the first value has come, after the listener got it; rejects with ERR_TRUNKLINE_CLOSED when the subscription ends
   * before. A promise that nobody awaits reports nothing.
   */
  get ready(): Promise<void> {
    if (!this.#ready) {
      this.#ready = this.#entry.firstValue();
      this.#ready.catch(() => undefined);
    }
    return this.#ready;
  }

  /**
   * Whether the last value may be older than that of the server: while a leader is sought, while the upstream client says that something
   * is wrong, and while there is none. The last value is served all the same. A listener may look, and the event `upstream` tells of changes.
   */
  get isStale(): boolean {
    return this.#isStale();
  }

  /** Ends this subscription and no other, not even one of the same listener. Idempotent. */
  unsubscribe(): void {
    this.#end();
  }

  /** For `using subscription = client.subscribe(…)`. */
  [Symbol.dispose](): void {
    this.#end();
  }

  then<R = void, E = never>(
    onFulfilled?: ((value: void) => R | PromiseLike<R>) | null,
    onRejected?: ((reason: unknown) => E | PromiseLike<E>) | null,
  ): Promise<R | E> {
    return DONE.then(onFulfilled, onRejected);
  }

  catch(): Promise<void> {
    return DONE;
  }

  finally(onFinally?: (() => void) | null): Promise<void> {
    return DONE.finally(onFinally);
  }
}
