// What ends the wait for a call before the answer comes: a time limit, or an AbortSignal. Holds in every role.

import { onAbort } from '../abort-listeners';
import { TrunklineError } from '../errors';
import { isTimerMs, LONGEST_TIMER_MS, patientTimeout, type Clock } from '../time';

/** Options of a single call: `client.with(options).method(…)`. */
export interface CallOptions {
  /**
   * How long the caller waits for the answer, ms; also for a leader, and also where this process leads. Default: a follower waits for
   * `responseTimeout`, and the process that holds the upstream client for as long as the method takes.
   */
  readonly timeoutMs?: number | undefined;
  /** The caller waits no longer when this signal is aborted: the call is rejected with the reason of the signal. */
  readonly signal?: AbortSignal | undefined;
  /** Whether the call is sent again when the leader is lost meanwhile. Default: as delegated. */
  readonly idempotent?: boolean | undefined;
}

/** Whether anybody still waits for a call. */
export interface Waiting {
  isOver: boolean;
}

/** @throws TrunklineError ERR_TRUNKLINE_OPTION_INVALID */
export function checkCallOptions(channel: string, options: unknown): asserts options is CallOptions {
  const invalid = (what: string): TrunklineError =>
    new TrunklineError('ERR_TRUNKLINE_OPTION_INVALID', `${channel}: with(options): ${what}`, { channel });
  if (typeof options !== 'object' || options === null) throw invalid('options must be an object');
  const { timeoutMs, signal, idempotent } = options as Record<string, unknown>;
  if (timeoutMs !== undefined && !isTimerMs(timeoutMs))
    throw invalid(`timeoutMs must be a number of milliseconds above 0 and up to ${LONGEST_TIMER_MS}`);
  if (signal !== undefined && !(signal instanceof AbortSignal)) throw invalid('signal must be an AbortSignal');
  if (idempotent !== undefined && typeof idempotent !== 'boolean') throw invalid('idempotent must be true or false');
}

/**
 * Makes a call whose caller may stop waiting.
 * @param expired makes the error when the time is over
 * @param call is not made at all when the signal is aborted already
 */
export function limited<T>(
  { timeoutMs, signal }: CallOptions,
  clock: Clock,
  expired: (timeoutMs: number) => Error,
  call: (waiting: Waiting) => Promise<T>,
): Promise<T> {
  if (signal?.aborted) return Promise.reject(signal.reason as Error);
  const waiting: Waiting = { isOver: false };
  return new Promise<T>((resolve, reject) => {
    const stop = (error: unknown): void => {
      waiting.isOver = true;
      reject(error);
      finish();
    };
    const patience = timeoutMs === undefined ? undefined : patientTimeout(clock, timeoutMs, () => stop(expired(timeoutMs)));
    const ignore = signal && onAbort(signal, () => stop(signal.reason));
    const finish = (): void => {
      patience?.cancel();
      ignore?.();
    };
    call(waiting).then(resolve, reject).finally(finish);
  });
}
