// Time as the rest of the code sees it: a monotonic clock that tests can replace, waiting that can be aborted, back-off, and the
// measurement of pauses of this process.

import { performance } from 'node:perf_hooks';
import { clearTimeout, setImmediate, setTimeout } from 'node:timers';

// All of these are taken once and not looked up later: a user's fake timers must not stop our heartbeats and writes.
const realNextTick = process.nextTick.bind(process);

/** The longest timer, ms: Node.js fires longer timers at once. */
export const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Whether a value is a time that a timer can wait for, ms. */
export function isTimerMs(value: unknown): value is number {
  return typeof value === 'number' && value > 0 && value <= LONGEST_TIMER_MS;
}

/** After the code that runs now, before any input or output. */
export function nextTick(callback: () => void): void {
  realNextTick(callback);
}

/** After the sockets have been read once. */
export function soon(callback: () => void): void {
  setImmediate(callback);
}

export interface Timer {
  unref(): unknown;
}

export interface Clock {
  /** Milliseconds on a clock that never jumps. */
  now(): number;
  setTimeout(callback: () => void, delayMs: number): Timer;
  clearTimeout(timer: Timer | undefined): void;
  /** Calls back when the sockets have been read once more. */
  afterIo(callback: () => void): void;
}

export const systemClock: Clock = {
  now: () => performance.now(),
  setTimeout: (callback, delayMs) => setTimeout(callback, delayMs),
  clearTimeout: (timer) => {
    clearTimeout(timer as NodeJS.Timeout | undefined);
  },
  // Timers run before sockets are read, and immediates run after sockets.
  afterIo: soon,
};

/** A clock whose timers do not keep the process alive: the owner of the work decides that. */
export const backgroundClock: Clock = {
  ...systemClock,
  setTimeout: (callback, delayMs) => setTimeout(callback, delayMs).unref(),
};

/**
 * A timer that is late by more than this shows that this process did not run (stopped, asleep, in a debugger, blocked loop).
 * Messages may have arrived meanwhile without being read. Ordinary garbage collections stay below this limit.
 */
const PAUSE_MS = 200;

/**
 * How long to listen after such a pause before judging other processes: everything in the socket buffers is read within this
 * time.
 */
const GRACE_MS = 200;

export interface Patience {
  cancel(): void;
}

/**
 * A timeout that judges other processes fairly: the timeout fires only after everything in the sockets has been read, and is
 * extended a little when this process did not run. Does not keep the process alive.
 * @param onPause called when this process did not run
 */
export function patientTimeout(clock: Clock, delayMs: number, onExpired: () => void, onPause?: () => void): Patience {
  let timer: Timer;
  let cancelled = false;
  const schedule = (ms: number): void => {
    const dueAt = clock.now() + ms;
    timer = clock.setTimeout(() => {
      if (clock.now() - dueAt > PAUSE_MS) {
        onPause?.();
        schedule(GRACE_MS);
        return;
      }
      clock.afterIo(() => {
        if (!cancelled) onExpired();
      });
    }, ms);
    timer.unref();
  };
  schedule(delayMs);
  return {
    cancel: () => {
      cancelled = true;
      clock.clearTimeout(timer);
    },
  };
}

/**
 * Waits for the work, at most as long as the limit.
 * @param keepsAlive whether the process stays alive for the work, if timers of the clock keep it so
 * @returns false when the limit passes first
 */
export async function within(clock: Clock, limitMs: number, work: Promise<unknown>, keepsAlive = true): Promise<boolean> {
  let timer: Timer | undefined;
  const patience = new Promise<false>((resolve) => {
    timer = clock.setTimeout(() => resolve(false), limitMs);
    if (!keepsAlive) timer.unref();
  });
  try {
    return await Promise.race([work.then(() => true), patience]);
  } finally {
    clock.clearTimeout(timer);
  }
}

/**
 * Resolves after the delay, or at once when the signal aborts.
 * @param keepsAlive whether the process stays alive meanwhile, if timers of the clock keep it so
 */
export function delay(clock: Clock, delayMs: number, signal: AbortSignal, keepsAlive = true): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const done = (): void => {
      clock.clearTimeout(timer);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = clock.setTimeout(done, delayMs);
    if (!keepsAlive) timer.unref();
    signal.addEventListener('abort', done, { once: true });
  });
}

/** Doubling delays with full jitter, so that processes that fail together do not retry together. */
export class Backoff {
  readonly #minMs: number;
  readonly #maxMs: number;
  readonly #firstMs: number;
  #ceilingMs: number;

  /** @param firstMs the ceiling of the first delay; larger than the minimum where even the first tries must not come together */
  constructor(minMs: number, maxMs: number, firstMs = minMs) {
    this.#minMs = minMs;
    this.#maxMs = maxMs;
    this.#firstMs = firstMs;
    this.#ceilingMs = firstMs;
  }

  /** The next delay: between the minimum and a ceiling that doubles up to the maximum. */
  nextMs(): number {
    const delayMs = this.#minMs + Math.random() * (this.#ceilingMs - this.#minMs);
    this.#ceilingMs = Math.min(this.#maxMs, this.#ceilingMs * 2);
    return delayMs;
  }

  reset(): void {
    this.#ceilingMs = this.#firstMs;
  }
}
