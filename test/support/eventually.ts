// Waiting for a condition instead of for time.

import { setTimeout as wait } from 'node:timers/promises';

/**
 * Resolves with the first truthy value that `probe` gives; asks again every few milliseconds.
 * @throws Error naming `what` when there is none within the limit
 */
export async function eventually<T>(what: string, probe: () => T | Promise<T>, limitMs = 10_000): Promise<NonNullable<T>> {
  const end = performance.now() + limitMs;
  for (;;) {
    const value = await probe();
    if (value) return value;
    if (performance.now() > end) throw new Error(`not within ${limitMs} ms: ${what}`);
    await wait(5);
  }
}
