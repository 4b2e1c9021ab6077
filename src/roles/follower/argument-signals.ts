// The AbortSignals of calls of a follower: these stay in this process, and the leader is told when one is aborted.

import { onAbort } from '../../abort-listeners';

/**
 * The signals of calls that the leader has not answered. A call that has expired here still runs in the leader, and can still be
 * aborted.
 */
export class FollowedSignals {
  readonly #maxCalls: number;
  /** By the id of a call, oldest first. */
  readonly #stops = new Map<number, () => void>();

  /** @param maxCalls when there are more, the oldest is given up: a leader may never answer */
  constructor(maxCalls: number) {
    this.#maxCalls = maxCalls;
  }

  /**
   * Tells when a signal is aborted, at once where it is aborted already, until `end`.
   * @param tell gets the number of the signal and the reason
   */
  begin(id: number, signals: readonly AbortSignal[], tell: (signal: number, reason: unknown) => void): void {
    const stops = signals.map((signal, number) => {
      const onAborted = (): void => tell(number, signal.reason);
      if (!signal.aborted) return onAbort(signal, onAborted);
      onAborted();
      return undefined;
    });
    this.end(id);
    this.#stops.set(id, () => stops.forEach((stop) => stop?.()));
    if (this.#stops.size > this.#maxCalls) this.end(this.#stops.keys().next().value!);
  }

  /** The leader has answered the call. */
  end(id: number): void {
    this.#stops.get(id)?.();
    this.#stops.delete(id);
  }

  endAll(): void {
    for (const stop of this.#stops.values()) stop();
    this.#stops.clear();
  }
}
