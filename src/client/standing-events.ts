// The events `state`, `role` and `ready` of a client: each tells a change, once, in a later tick.

import { nextTick } from '../time';
import { emitSafely } from './forward-events';
import type { ClientStatus } from './status';

export interface StandingListener {
  emit(event: string | symbol, ...args: unknown[]): boolean;
}

export class StandingEvents {
  readonly #client: StandingListener;
  readonly #status: () => ClientStatus;
  #last: Pick<ClientStatus, 'state' | 'reason' | 'role' | 'term'> = {
    state: 'connecting',
    reason: undefined,
    role: undefined,
    term: 0,
  };

  /** @param status gives how the client stands at the moment of the call */
  constructor(client: StandingListener, status: () => ClientStatus) {
    this.#client = client;
    this.#status = status;
  }

  /** Something may have changed. */
  check(): void {
    const before = this.#last;
    const status = this.#status();
    const { state, reason, role, term } = status;
    this.#last = { state, reason, role, term };
    if (role !== before.role || term !== before.term) nextTick(() => emitSafely(this.#client, 'role', [{ role, term }]));
    if (state === before.state && reason?.message === before.reason?.message) return;
    nextTick(() => {
      emitSafely(this.#client, 'state', [status]);
      if (state === 'ready' && before.state !== 'ready') emitSafely(this.#client, 'ready', []);
    });
  }
}
