// The calls of a follower that wait for an answer. One timer serves them all: every call of a channel has the same
// time limit, so the oldest call is always the next to expire.

import { patientTimeout, type Clock, type Patience } from '../time';

interface PendingCall {
  readonly method: string;
  readonly deadline: number;
  readonly resolve: (values: unknown[]) => void;
  readonly reject: (error: unknown) => void;
}

export class PendingCalls {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #expired: (method: string) => Error;
  /** By id, in the order of their deadlines. */
  readonly #calls = new Map<number, PendingCall>();
  #timer: Patience | undefined;
  #onEmpty: (() => void) | undefined;

  /** @param expired makes the error of a call that had no answer in time */
  constructor(clock: Clock, timeoutMs: number, expired: (method: string) => Error) {
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
    this.#expired = expired;
  }

  get size(): number {
    return this.#calls.size;
  }

  has(id: number): boolean {
    return this.#calls.has(id);
  }

  /** Settles with the answer, or with an error when there is none within the time limit. */
  add(id: number, method: string): Promise<unknown[]> {
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { method, deadline: this.#clock.now() + this.#timeoutMs, resolve, reject });
      this.#timer ??= this.#schedule(this.#timeoutMs);
    });
  }

  /** Takes the call with this id out; undefined when it has expired. */
  take(id: number): Pick<PendingCall, 'method' | 'resolve' | 'reject'> | undefined {
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    if (this.#onEmpty && this.#calls.size === 0) this.#onEmpty();
    return call;
  }

  /** Resolves when none waits any more. */
  get settled(): Promise<void> {
    if (this.#calls.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onEmpty = resolve;
    });
  }

  /** No answer can come any more. @param reason makes the error of one call */
  failAll(reason: (method: string) => Error): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    const calls = [...this.#calls.values()];
    this.#calls.clear();
    for (const call of calls) call.reject(reason(call.method));
    this.#onEmpty?.();
  }

  #schedule(delayMs: number): Patience {
    return patientTimeout(this.#clock, delayMs, () => {
      this.#expire();
    });
  }

  #expire(): void {
    const now = this.#clock.now();
    this.#timer = undefined;
    for (const [id, call] of this.#calls) {
      if (call.deadline > now) {
        this.#timer = this.#schedule(call.deadline - now);
        return;
      }
      this.#calls.delete(id);
      call.reject(this.#expired(call.method));
    }
    this.#onEmpty?.();
  }
}
