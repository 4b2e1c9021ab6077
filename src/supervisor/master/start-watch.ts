// Watches a child until it is ready: after a while the log says what it is waiting for, and at the time limit it is killed.

import { patientTimeout, systemClock, type Clock, type Patience } from '../../time';

/** A worker that is expected to listen, and does not, gets a hint in the log after this time, ms. */
const HINT_MS = 5_000;

/** The part of ChildHandle that is watched. */
export interface StartingChild {
  readonly pid: number | undefined;
  readonly isReadyWhenListening: boolean;
  readonly whyNotReady: string;
  readonly ready: Promise<void>;
  readonly ended: Promise<unknown>;
  kill(reason: string): void;
}

export class StartWatch {
  readonly #limitMs: number;
  readonly #warn: (hint: string) => void;
  readonly #clock: Clock;
  #child: StartingChild | undefined;
  #hint: Patience | undefined;

  /** @param limitMs the child is killed when it is not ready after this time */
  constructor(limitMs: number, warn: (hint: string) => void, clock: Clock = systemClock) {
    this.#limitMs = limitMs;
    this.#warn = warn;
    this.#clock = clock;
  }

  begin(child: StartingChild): void {
    this.#child = child;
    const limit = patientTimeout(this.#clock, this.#limitMs, () => {
      child.kill(`not ready after ${this.#limitMs} ms (startTimeout): ${child.whyNotReady}`);
    });
    this.hintLater();
    void Promise.race([child.ready, child.ended]).then(() => {
      this.#child = undefined;
      limit.cancel();
      this.#hint?.cancel();
    });
  }

  /** The situation has changed: the hint is given when nothing else comes for a while. */
  hintLater(): void {
    const child = this.#child;
    if (!child?.isReadyWhenListening) return;
    this.#hint?.cancel();
    this.#hint = patientTimeout(this.#clock, HINT_MS, () => {
      this.#warn(`not ready yet, pid=${child.pid}: ${child.whyNotReady}`);
    });
  }
}
