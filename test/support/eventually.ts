// Waiting for a condition instead of for time, as long as a test of this repository waits.

import { waitFor } from '../../src/testing/wait-for';

/**
 * How long a test waits, ms: shorter than the limit of the test, which allows a report of what never came. No limit of the
 * product.
 */
export const PATIENCE_MS = 60_000;

/**
 * Resolves with the first truthy value that `probe` gives; asks again every few milliseconds.
 * @throws Error naming `what` when there is none within the limit
 */
export function eventually<T>(what: string, probe: () => T | Promise<T>, limitMs = PATIENCE_MS): Promise<NonNullable<T>> {
  return waitFor(probe, { what, timeoutMs: limitMs });
}
