// Why an application has not started.

import { TrunklineError } from '../../errors';
import type { ChildEnd } from './child-handle';
import { portHint } from './port-hint';

/** The master cannot listen on the port of the application. */
export function portNotOpened(cause: Error): TrunklineError {
  const sentence = `${cause.message}; nothing is left running${portHint(cause.message, undefined)}`;
  return new TrunklineError('ERR_TRUNKLINE_BOOT_FAILED', sentence, { cause });
}

/**
 * A process has ended before being ready.
 * @param mastersPort the port that the master holds for the shared clients
 */
export function notReady(
  name: string,
  { code, signal, description, reason }: ChildEnd,
  mastersPort: number | undefined,
): TrunklineError {
  const sentence = `${name} ${description}; it was not ready yet, and nothing is left running${portHint(reason, mastersPort)}`;
  return new TrunklineError('ERR_TRUNKLINE_BOOT_FAILED', sentence, { process: name, exitCode: code, signal });
}
