// When a child that has died is started again. Pure: the slot tells what happened, this says what to do.

/** Pauses between starts, ms: growing, with decorrelated jitter. */
const MIN_PAUSE_MS = 100;
const MAX_PAUSE_MS = 30_000;
/** A child that was ready for this long, ms, did not fail at the start: earlier failures are forgotten. */
const STABLE_MS = 10_000;
/** This many failures in a row are called a crash loop. */
const CRASH_LOOP = 5;

export class RestartPolicy {
  readonly #random: () => number;
  #failures = 0;
  #pauseMs = MIN_PAUSE_MS;

  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  /** Whether the child keeps dying. New starts follow all the same. */
  get isCrashLoop(): boolean {
    return this.#failures >= CRASH_LOOP;
  }

  /**
   * The child has ended without being asked to.
   * @param readyForMs how long the child had been ready, ms; undefined when the child was never ready
   * @returns how long to wait before the next start, ms
   */
  onEnd(readyForMs: number | undefined): number {
    if (readyForMs !== undefined && readyForMs >= STABLE_MS) {
      this.#failures = 0;
      this.#pauseMs = MIN_PAUSE_MS;
      return 0;
    }
    this.#failures++;
    if (readyForMs !== undefined && this.#failures === 1) return 0; // the first time may be an accident
    // Decorrelated jitter: between the minimum and three times the pause before.
    this.#pauseMs = Math.min(MAX_PAUSE_MS, MIN_PAUSE_MS + this.#random() * (this.#pauseMs * 3 - MIN_PAUSE_MS));
    return this.#pauseMs;
  }
}
