// Whether a client is ready, or why not, and the callbacks and promises that wait for the outcome.

import { TrunklineError } from '../errors';
import { LONGEST_TIMER_MS, nextTick, systemClock } from '../time';

/** @param error null when the client is ready */
export type ReadyCallback = (error: Error | null) => unknown;

export class Readiness {
  #isReady = false;
  #error: Error | undefined;
  readonly #waiting = new Set<ReadyCallback>();

  get isReady(): boolean {
    return this.#isReady;
  }

  /** Why the last start has failed; undefined when the start has not failed. */
  get error(): Error | undefined {
    return this.#error;
  }

  /** Whether a callback or promise waits. */
  get isAwaited(): boolean {
    return this.#waiting.size > 0;
  }

  /** @param flag true: ready; an error: not ready, and why; false: not ready, and waiting callers are told nothing */
  settle(flag: boolean | Error): void {
    this.#isReady = flag === true;
    this.#error = typeof flag === 'boolean' ? undefined : flag;
    if (flag === false) return;
    const callbacks = [...this.#waiting];
    this.#waiting.clear();
    for (const callback of callbacks) this.#tell(callback);
  }

  /** Calls back in a later tick, once. */
  onceSettled(callback: ReadyCallback): void {
    if (this.#isReady || this.#error) this.#tell(callback);
    else this.#waiting.add(callback);
  }

  wait(): Promise<void> {
    if (this.#isReady) return Promise.resolve();
    if (this.#error) return Promise.reject(this.#error);
    return new Promise((resolve, reject) => {
      this.#waiting.add((error) => (error ? reject(error) : resolve()));
    });
  }

  /**
   * Waits for at most `limitMs`; a wait that has timed out does not count in `isAwaited`.
   * @throws TrunklineError ERR_TRUNKLINE_READY_TIMEOUT
   */
  waitAtMost(limitMs: number, what: string): Promise<void> {
    if (this.#isReady || this.#error || limitMs > LONGEST_TIMER_MS) return this.wait();
    return new Promise((resolve, reject) => {
      const limit = systemClock.setTimeout(() => {
        this.#waiting.delete(callback);
        const message = `${what}: not ready: Promise timed out after ${limitMs} milliseconds; it goes on starting`;
        reject(new TrunklineError('ERR_TRUNKLINE_READY_TIMEOUT', message, { limitMs }));
      }, limitMs);
      const callback: ReadyCallback = (error) => {
        systemClock.clearTimeout(limit);
        if (error) reject(error);
        else resolve();
      };
      this.#waiting.add(callback);
    });
  }

  #tell(callback: ReadyCallback): void {
    const error = this.#error ?? null;
    nextTick(() => callback(error));
  }
}
