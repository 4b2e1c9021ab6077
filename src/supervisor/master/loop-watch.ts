// Watches whether the event loop of a child turns: the reports of its health are the signs of life.

import { patientTimeout, type Clock, type Patience } from '../../time';

/** `unknown`: there is no report yet, the loop is not judged, or the watch is over. */
type Loop =
  { readonly state: 'unknown' } | { readonly state: 'turning'; readonly limit: Patience } | { readonly state: 'blocked' };

export class LoopWatch {
  readonly #limitMs: number;
  readonly #clock: Clock;
  readonly #onBlocked: () => void;
  #loop: Loop = { state: 'unknown' };

  /** @param limitMs a loop that does not turn for this long is blocked; 0: never */
  constructor(limitMs: number, clock: Clock, onBlocked: () => void) {
    this.#limitMs = limitMs;
    this.#clock = clock;
    this.#onBlocked = onBlocked;
  }

  /** Whether the loop has not turned for too long, and is still not turning. */
  get isBlocked(): boolean {
    return this.#loop.state === 'blocked';
  }

  /** The child has reported. @param isJudged false: silence means nothing, as at a breakpoint */
  onReport(isJudged: boolean): void {
    this.end();
    if (this.#limitMs === 0 || !isJudged) return;
    const limit = patientTimeout(this.#clock, this.#limitMs, () => {
      this.#loop = { state: 'blocked' };
      this.#onBlocked();
    });
    this.#loop = { state: 'turning', limit };
  }

  end(): void {
    if (this.#loop.state === 'turning') this.#loop.limit.cancel();
    this.#loop = { state: 'unknown' };
  }
}
