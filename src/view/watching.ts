// Views of a host one after the other: at once, soon after each change, and from time to time while nothing changes.

import type { HostView } from '../host-view';
import { delay, type Clock } from '../time';

/** At most four views a second: a person sees no more, and a master has other things to do. */
const MIN_PAUSE_MS = 250;
/** Ages and memory change all the time: a view is never older than this, ms. */
const MAX_PAUSE_MS = 2_000;

export class Watching {
  readonly #clock: Clock;
  readonly #read: () => Promise<HostView>;
  readonly #keepsAlive: boolean;
  #changes = 0;
  readonly #waiting = new Set<() => void>();

  /** @param keepsAlive whether a watch keeps the process alive */
  constructor(clock: Clock, read: () => Promise<HostView>, keepsAlive = true) {
    this.#clock = clock;
    this.#read = read;
    this.#keepsAlive = keepsAlive;
  }

  /** Whether anybody watches. */
  get isWatched(): boolean {
    return this.#waiting.size > 0;
  }

  /** The next view would be another one. */
  changed(): void {
    this.#changes++;
    for (const wake of this.#waiting) wake();
  }

  async *watch(signal: AbortSignal): AsyncGenerator<HostView, void, void> {
    let wake!: AbortController;
    const onChange = (): void => wake.abort();
    this.#waiting.add(onChange);
    try {
      for (;;) {
        const seen = this.#changes;
        wake = new AbortController();
        yield await this.#read();
        await this.#pause(MIN_PAUSE_MS, signal);
        if (seen === this.#changes) await this.#pause(MAX_PAUSE_MS - MIN_PAUSE_MS, AbortSignal.any([signal, wake.signal]));
        if (signal.aborted) return;
      }
    } finally {
      this.#waiting.delete(onChange);
    }
  }
  #pause(ms: number, signal: AbortSignal): Promise<void> {
    return delay(this.#clock, ms, signal, this.#keepsAlive);
  }
}
