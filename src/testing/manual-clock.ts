// Time that a test moves. A shared client that is created inside `drive` takes time from here; there is no option for that.

import { WHOLE_PROCESS, type ProcessScope } from '../process-scope';
import type { Clock, Timer } from '../time';
import { inScope } from './scopes';
import { turns } from './turns';

interface ManualTimer extends Timer {
  readonly dueAt: number;
  readonly callback: () => void;
}

export class ManualClock implements Clock {
  #now = 0;
  #timers: ManualTimer[] = [];
  #afterIo: (() => void)[] = [];
  readonly #scope: ProcessScope = { ...WHOLE_PROCESS, clock: this };

  /** Milliseconds that have passed on this clock. */
  now(): number {
    return this.#now;
  }

  setTimeout(callback: () => void, delayMs: number): Timer {
    const timer: ManualTimer = { dueAt: this.#now + delayMs, callback, unref: () => undefined };
    this.#timers.push(timer);
    return timer;
  }

  clearTimeout(timer: Timer | undefined): void {
    this.#timers = this.#timers.filter((each) => each !== timer);
  }

  afterIo(callback: () => void): void {
    this.#afterIo.push(callback);
  }

  /** Timers that are set. */
  get pending(): number {
    return this.#timers.length;
  }

  /**
   * Clients that are created in the callback take time from this clock, also after an `await` in the callback.
   * @returns what the callback returns
   */
  drive<T>(create: () => T): T {
    return inScope(this.#scope, create);
  }

  /** Runs every timer that falls due within the time, each at the due moment, before the call returns. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      for (const callback of this.#afterIo.splice(0)) callback();
      const next = this.#nextUntil(end);
      if (!next) break;
      this.#fire(next);
    }
    this.#now = end;
  }

  /**
   * As `advance`, and lets promises, sockets and members of a group answer between two moments. Resolves when the time has passed
   * and what was said at the last moment has arrived.
   */
  async advanceAsync(ms: number): Promise<void> {
    const end = this.#now + ms;
    for (;;) {
      await turns();
      for (const callback of this.#afterIo.splice(0)) callback();
      const next = this.#nextUntil(end);
      if (!next) break;
      this.#fire(next);
    }
    this.#now = end;
    await turns();
  }

  /**
   * Time passes in which this process does not run: what fell due meanwhile runs late, all at once. Sockets are read
   * after that, with the next `advance`.
   */
  sleep(ms: number): void {
    this.#now += ms;
    for (const timer of this.#timers.filter(({ dueAt }) => dueAt <= this.#now)) {
      this.clearTimeout(timer);
      timer.callback();
    }
  }

  #nextUntil(end: number): ManualTimer | undefined {
    return this.#timers.filter(({ dueAt }) => dueAt <= end).sort((a, b) => a.dueAt - b.dueAt)[0];
  }

  #fire(timer: ManualTimer): void {
    this.#now = Math.max(this.#now, timer.dueAt);
    this.clearTimeout(timer);
    timer.callback();
  }
}

/** A clock that stands at 0 until the test moves the clock. */
export function manualClock(): ManualClock {
  return new ManualClock();
}
