// The calls of a follower that wait for an answer. A single timer serves all calls: most calls of a channel have the same time limit,
// so the oldest call is mostly the next to expire.

import { patientTimeout, type Clock, type Patience } from '../../time';

interface PendingCall {
  readonly id: number;
  readonly method: string;
  /** On the clock. */
  readonly begunAt: number;
  readonly limitMs: number;
  readonly deadline: number;
  readonly resolve: (values: unknown[]) => void;
  readonly reject: (error: unknown) => void;
}

const INITIAL_SLOTS = 128;

export class PendingCalls {
  readonly #clock: Clock;
  readonly #expired: (method: string, limitMs: number) => Error;
  /**
   * Each call in the slot of the last bits of the id. A Map that is filled and emptied all the time leaves old tables behind,
   * each of which refers to the next table, and after a full garbage collection a young table keeps all of these alive, with all
   * calls (measured: a third of the CPU time of 64 calls in flight).
   */
  #slots: (PendingCall | undefined)[] = emptySlots(INITIAL_SLOTS);
  #size = 0;
  #timer: Patience | undefined;
  /** When the timer ends; Infinity: there is no timer. */
  #nextAt = Infinity;
  #onEmpty: (() => void) | undefined;

  /** @param expired makes the error of a call that had no answer in time */
  constructor(clock: Clock, expired: (method: string, limitMs: number) => Error) {
    this.#clock = clock;
    this.#expired = expired;
  }

  /** How many wait. */
  get size(): number {
    return this.#size;
  }

  /** Whether the slot for this id is taken by a waiting call. */
  readonly isTaken = (id: number): boolean => this.#slots[this.#slotOf(id)] !== undefined;

  /**
   * Settles with the answer, or with an error when there is none within the time limit.
   * @param id is not taken
   */
  add(id: number, method: string, limitMs: number): Promise<unknown[]> {
    if (this.#size * 2 >= this.#slots.length) this.#grow();
    return new Promise((resolve, reject) => {
      const begunAt = this.#clock.now();
      const deadline = begunAt + limitMs;
      this.#slots[this.#slotOf(id)] = { id, method, begunAt, limitMs, deadline, resolve, reject };
      this.#size++;
      if (deadline < this.#nextAt) this.#schedule(limitMs, deadline);
    });
  }

  /** Removes and returns the call with this id; undefined when the call has expired. */
  take(id: number): Pick<PendingCall, 'method' | 'begunAt' | 'resolve' | 'reject'> | undefined {
    const slot = this.#slotOf(id);
    const call = this.#slots[slot];
    if (call?.id !== id) return undefined;
    this.#slots[slot] = undefined;
    this.#size--;
    if (this.#onEmpty && this.#size === 0) this.#onEmpty();
    return call;
  }

  /** Resolves when none waits any more. */
  get settled(): Promise<void> {
    if (this.#size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onEmpty = resolve;
    });
  }

  /** No answer can come any more. @param reason makes the error of a call */
  failAll(reason: (method: string) => Error): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#nextAt = Infinity;
    const calls = this.#oldestFirst();
    this.#slots = emptySlots(INITIAL_SLOTS);
    this.#size = 0;
    for (const call of calls) call.reject(reason(call.method));
    this.#onEmpty?.();
  }

  #slotOf(id: number): number {
    return id & (this.#slots.length - 1); // a power of two
  }

  /** Calls that were in different slots still are. */
  #grow(): void {
    const calls = this.#oldestFirst();
    this.#slots = emptySlots(this.#slots.length * 2);
    for (const call of calls) this.#slots[this.#slotOf(call.id)] = call;
  }

  #oldestFirst(): PendingCall[] {
    return this.#slots.filter((call) => call !== undefined).sort((a, b) => a.deadline - b.deadline);
  }

  #schedule(delayMs: number, deadline: number): void {
    this.#timer?.cancel();
    this.#nextAt = deadline;
    this.#timer = patientTimeout(this.#clock, delayMs, () => {
      this.#expire();
    });
  }

  #expire(): void {
    const now = this.#clock.now();
    this.#timer = undefined;
    this.#nextAt = Infinity;
    for (const call of this.#oldestFirst()) {
      if (call.deadline > now) {
        if (call.deadline < this.#nextAt) this.#schedule(call.deadline - now, call.deadline);
        return;
      }
      this.take(call.id)?.reject(this.#expired(call.method, call.limitMs));
    }
  }
}

function emptySlots(count: number): (PendingCall | undefined)[] {
  return new Array<PendingCall | undefined>(count).fill(undefined);
}
