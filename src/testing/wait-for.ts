// Waiting for a condition instead of for time. The timers are always of Node.js, also while a test has put fake timers in place.

import { performance } from 'node:perf_hooks';
import { setTimeout } from 'node:timers';
import { TrunklineError } from '../errors';

// Taken once: fake timers replace the method on the object.
const now = performance.now.bind(performance);
const startTimer = setTimeout;

/** Between two looks at the condition, ms. */
const LOOK_MS = 5;
const LIMIT_MS = 10_000;

export interface WaitOptions {
  /** What is waited for, for the message of the error. Default: the source of the condition. */
  readonly what?: string | undefined;
  /** How long to wait, ms. Default 10000. */
  readonly timeoutMs?: number | undefined;
}

/**
 * Resolves with the first truthy value that the condition gives. The condition is asked at once, and again every 5 ms.
 * @throws TrunklineError ERR_TRUNKLINE_WAIT_TIMEOUT when there is none in time. What the condition throws, or rejects with, is thrown at
 * once.
 */
export async function waitFor<T>(condition: () => T | Promise<T>, options: WaitOptions = {}): Promise<NonNullable<T>> {
  const { timeoutMs = LIMIT_MS, what = String(condition) } = options;
  const end = now() + timeoutMs;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (now() > end) {
      const message = `not within ${timeoutMs} ms: ${what}; the last answer was ${String(value)}`;
      throw new TrunklineError('ERR_TRUNKLINE_WAIT_TIMEOUT', message, { timeoutMs });
    }
    await new Promise<void>((resolve) => void startTimer(resolve, LOOK_MS));
  }
}
