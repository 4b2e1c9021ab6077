// Time that a test moves.

import type { Clock, Timer } from '../../src/time';

interface FakeTimer extends Timer {
  readonly dueAt: number;
  readonly callback: () => void;
}

export class FakeClock implements Clock {
  #now = 0;
  #timers: FakeTimer[] = [];
  #afterIo: (() => void)[] = [];

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

  afterIo(callback: () => void): void {
    this.#afterIo.push(callback);
  }

  /** Timers that are set. */
  get pending(): number {
    return this.#timers.length;
  }

  /** Runs every timer that falls due within the time, each at the due moment. */
  advance(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      for (const callback of this.#afterIo.splice(0)) callback();
      const next = this.#timers.filter(({ dueAt }) => dueAt <= end).sort((a, b) => a.dueAt - b.dueAt)[0];
      if (!next) break;
      this.#now = Math.max(this.#now, next.dueAt);
      this.clearTimeout(next);
      next.callback();
    }
    this.#now = end;
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
}
