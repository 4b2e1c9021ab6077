// The rates of the last minutes, from one view after the other.

import type { HostView } from '../host-view';
import { ratesOf, type HostRates, type HostSample } from './host-rates';

/** Five minutes of points. */
const POINTS = 300;
/** Rates over less than this, ms, jump about. */
const SAMPLE_MS = 900;

export class HostHistory {
  #points: HostSample[] = [];
  #sampled: HostView | undefined;
  #rates: HostRates | undefined;

  /** The oldest first. */
  get points(): readonly HostSample[] {
    return this.#points;
  }

  /** The newest rates; undefined before the first view. */
  get rates(): HostRates | undefined {
    return this.#rates;
  }

  take(view: HostView): void {
    if (this.#sampled && view.at - this.#sampled.at < SAMPLE_MS && view.at >= this.#sampled.at) return;
    this.#rates = ratesOf(this.#sampled, view);
    if (this.#sampled && view.at > (this.#points.at(-1)?.at ?? 0)) this.#points.push(this.#rates.sample);
    if (this.#points.length > POINTS) this.#points.shift();
    this.#sampled = view;
  }

  /** What counters did while no view came has no time. */
  interrupt(): void {
    this.#sampled = undefined;
  }

  /** Points that somebody else has kept. */
  remember(points: readonly HostSample[]): void {
    this.#points = [...points];
  }
}
