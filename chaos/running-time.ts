// How long this process has run: without the time in which the process was stopped, blocked, or waited for a processor.

const TICK_MS = 25;
/** How much a tick counts at most: a longer tick shows that the process did not run. */
const MOST_MS = 75;

export class RunningTime {
  #ranMs = 0;
  #last = performance.now();

  /** @param onTick called with each tick */
  constructor(onTick: () => void) {
    const timer = setInterval(() => {
      this.#count();
      onTick();
    }, TICK_MS);
    timer.unref();
  }

  /** Milliseconds since the start. */
  get ms(): number {
    this.#count();
    return this.#ranMs;
  }

  #count(): void {
    const now = performance.now();
    this.#ranMs += Math.min(now - this.#last, MOST_MS);
    this.#last = now;
  }
}
