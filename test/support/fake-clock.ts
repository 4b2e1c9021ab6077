// Time that a test moves.

import type { Clock, Timer } from '../../src/time';

interface FakeTimer extends Timer {
  readonly dueAt: number;
  readonly callback: () => void;
}

export class FakeClock implements Clock {
  #now = 0;
  #timers: FakeTimer[] = [];

  now(): number {
    return this.#now;
  }

  setTimeout(callback: () => void, delayMs: number): Timer {
    const timer: FakeTimer = { dueAt: this.#now + delayMs, callback, unref: () => undefined };
    this.#timers.push(timer);
    return timer;
  }

  clearTimeout(timer: Timer | undefined): void {
    this.#timers = this.#timers.filter((each) => each !== timer);
  }

  /** Timers that are set. */
  get pending(): number {
    return this.#timers.length;
  }

  /** Runs every timer that falls due within the time, each at its moment. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const next = this.#timers.filter(({ dueAt }) => dueAt <= end).sort((a, b) => a.dueAt - b.dueAt)[0];
      if (!next) break;
      this.#now = Math.max(this.#now, next.dueAt);
      this.clearTimeout(next);
      next.callback();
    }
    this.#now = end;
  }

  /** Time passes in which this process does not run: what fell due meanwhile runs late, all at once. */
  sleep(ms: number): void {
    this.#now += ms;
    for (const timer of this.#timers.filter(({ dueAt }) => dueAt <= this.#now)) {
      this.clearTimeout(timer);
      timer.callback();
    }
  }
}
