// Waiting for a condition instead of for time.

import { setTimeout as wait } from 'node:timers/promises';

/**
 * How long a test waits, ms: shorter than the limit of the test, which allows a report of what never came. No limit of the
 * product.
 */
export const PATIENCE_MS = 60_000;

/**
 * Resolves with the first truthy value that `probe` gives; asks again every few milliseconds.
 * @throws Error naming `what` when there is none within the limit
 */
export async function eventually<T>(what: string, probe: () => T | Promise<T>, limitMs = PATIENCE_MS): Promise<NonNullable<T>> {
  const end = performance.now() + limitMs;
  for (;;) {
    const value = await probe();
    if (value) return value;
    if (performance.now() > end) throw new Error(`not within ${limitMs} ms: ${what}`);
    await wait(5);
  }
}
