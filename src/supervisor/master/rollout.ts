// A change that puts new children into their slots, step by step. A new child must live on during the later steps: code that becomes
// ready and dies a moment later must not replace what works.

import { TrunklineError } from '../../errors';
import { delay, systemClock, type Clock } from '../../time';
import type { ChildEnd, ChildHandle } from './child-handle';

/** How long a new child must have lived after being ready, ms, before the change relies on the child. */
const SETTLE_MS = 500;

export class Rollout {
  readonly #clock: Clock;
  readonly #broken = new AbortController();
  #failure: TrunklineError | undefined;

  /** Resolves when a new child has ended. */
  readonly broken: Promise<void>;

  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
    this.broken = new Promise((resolve) => {
      this.#broken.signal.addEventListener('abort', () => resolve(), { once: true });
    });
  }

  /** The child of this slot is ready, and has to live on. */
  include(name: string, child: Pick<ChildHandle, 'gone'>): void {
    void child.gone.then((end) => {
      this.#failure ??= endedTooSoon(name, end);
      this.#broken.abort();
    });
  }

  /**
   * Waits until the last new child has proved to be alive.
   * @throws TrunklineError ERR_TRUNKLINE_RELOAD_FAILED when any new child has ended
   */
  async settle(): Promise<void> {
    await delay(this.#clock, SETTLE_MS, this.#broken.signal);
    this.assertIntact();
  }

  /** @throws TrunklineError ERR_TRUNKLINE_RELOAD_FAILED when a new child has ended */
  assertIntact(): void {
    if (this.#failure) throw this.#failure;
  }
}

function endedTooSoon(name: string, end: ChildEnd | undefined): TrunklineError {
  const because = end?.reason ?? end?.description ?? 'it has disconnected from its master';
  return new TrunklineError(
    'ERR_TRUNKLINE_RELOAD_FAILED',
    `${name}: the new process was ready and has ended before the change was complete; old processes that had not been replaced yet go on: ${because}`,
    { process: name },
  );
}
