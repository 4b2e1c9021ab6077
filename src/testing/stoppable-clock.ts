// The time of a member that can be stopped, as SIGSTOP stops a process: time passes, and what falls due meanwhile runs late.

import type { Clock, Timer } from '../time';

interface StoppableTimer extends Timer {
  inner: Timer;
  isCleared: boolean;
}

export class StoppableClock implements Clock {
  readonly #base: Clock;
  #isStopped = false;
  /** What fell due while the clock was stopped, in order. */
  #late: (() => void)[] = [];

  constructor(base: Clock) {
    this.#base = base;
  }

  now(): number {
    return this.#base.now();
  }

  setTimeout(callback: () => void, delayMs: number): Timer {
    const inner = this.#base.setTimeout(() => {
      this.#run(() => {
        if (!timer.isCleared) callback();
      });
    }, delayMs);
    const timer: StoppableTimer = { inner, isCleared: false, unref: () => inner.unref() };
    return timer;
  }

  clearTimeout(given: Timer | undefined): void {
    const timer = given as StoppableTimer | undefined;
    if (!timer) return;
    timer.isCleared = true;
    this.#base.clearTimeout(timer.inner);
  }

  afterIo(callback: () => void): void {
    this.#base.afterIo(() => this.#run(callback));
  }

  stop(): void {
    this.#isStopped = true;
  }

  go(): void {
    this.#isStopped = false;
    for (const callback of this.#late.splice(0)) callback();
  }

  #run(callback: () => void): void {
    if (this.#isStopped) this.#late.push(callback);
    else callback();
  }
}
