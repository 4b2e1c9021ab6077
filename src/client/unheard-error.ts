// What becomes of an `error` event that nobody listens to: it is logged with the stacks of its causes, because the fault of the
// user's own code is often there.

import type { EventEmitter } from 'node:events';
import { isError, messageOf } from '../../protocol/error-value';
import type { Logger } from '../logger';

/** Logs the error unless the emitter's errors have a listener besides the internal listener. */
export function logUnheard(emitter: EventEmitter, error: unknown, logger: Logger): void {
  // The internal listener, which calls this function, is always there.
  if (emitter.listenerCount('error') <= 1) logger.error(describe(error));
}

function describe(error: unknown): string {
  const stacks: string[] = [];
  for (let current = error; current !== undefined && stacks.length < 5; current = causeOf(current)) stacks.push(stackOf(current));
  return stacks.join('\n  caused by: ');
}

/** Errors of users may have getters anywhere, and these may throw. */
function stackOf(error: unknown): string {
  try {
    if (isError(error) && typeof error.stack === 'string') return error.stack;
  } catch {
    // the message follows
  }
  return messageOf(error);
}

function causeOf(error: unknown): unknown {
  try {
    return isError(error) ? error.cause : undefined;
  } catch {
    return undefined;
  }
}
