// What becomes of an `error` event that nobody listens to: it is logged with the stacks of its causes, because the
// fault of the user's own code is often there.

import type { EventEmitter } from 'node:events';
import { isError, safeString } from '../../protocol/error-value';
import type { Logger } from '../logger';

/** Logs the error unless somebody besides the emitter itself listens to its errors. */
export function logUnheard(emitter: EventEmitter, error: unknown, logger: Logger): void {
  // One listener is the emitter's own, which calls this.
  if (emitter.listenerCount('error') <= 1) logger.error(describe(error));
}

function describe(error: unknown): string {
  const stacks: string[] = [];
  for (let current = error; current !== undefined && stacks.length < 5; current = isError(current) ? current.cause : undefined) {
    stacks.push(isError(current) ? (current.stack ?? current.message) : safeString(current));
  }
  return stacks.join('\n  caused by: ');
}
