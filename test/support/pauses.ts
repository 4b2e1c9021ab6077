// What a test may judge by time: the product, not the machine. Linux reports for how long some process of the machine had to
// wait for a processor, for memory or for a disk (https://docs.kernel.org/accounting/psi.html), and this time is subtracted. On
// an idle machine the pauses are nearly nothing, and limits are enforced fully. On systems without this report nothing is
// subtracted.

import { readFileSync } from 'node:fs';

/** Milliseconds that are comparable between processes. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}

/** A stopwatch that stands while the machine has no time for everybody. */
export class Stopwatch {
  readonly startedAt = now();
  readonly #pausesBefore = pausesOfMachine();

  /** How long some process had to wait since the start, ms. */
  get pausesMs(): number {
    return pausesOfMachine() - this.#pausesBefore;
  }

  /** The time from the start to a moment, without pauses. @param at a result of `now()` */
  ownMs(at = now()): number {
    return Math.max(0, at - this.startedAt - this.pausesMs);
  }
}

function pausesOfMachine(): number {
  return ['cpu', 'memory', 'io'].map(stalledMs).reduce((sum, each) => sum + each);
}

function stalledMs(resource: string): number {
  try {
    const [, microseconds] = /^some .* total=(\d+)/.exec(readFileSync(`/proc/pressure/${resource}`, 'utf8')) ?? [];
    return Number(microseconds ?? 0) / 1_000;
  } catch {
    return 0; // a system or a container that does not tell
  }
}
