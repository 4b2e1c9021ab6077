// The stack of this process in an error that came from the leader.

import { isError } from '../../protocol/error-value';

/**
 * An error of the leader has only the leader's stack. The frames that led to the call here are awaiting functions, so appending
 * the stack costs nothing unless a call fails.
 */
export function appendOwnStack(error: unknown): void {
  if (!isError(error) || typeof error.stack !== 'string') return;
  const own = new Error().stack ?? '';
  const frames = own.split('\n').slice(2);
  error.stack = [error.stack, `    --- called by process ${process.pid} ---`, ...frames].join('\n');
}
