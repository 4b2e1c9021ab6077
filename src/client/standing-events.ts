// The events `state`, `role` and `ready` of a client: each tells a change, once, in a later tick.

import { nextTick } from '../time';
import { emitSafely } from './forward-events';
import { roleOf, statusOf, type ClientRole, type ClientStatus, type Standing } from './status';

export interface StandingListener {
  emit(event: string | symbol, ...args: unknown[]): boolean;
}

export class StandingEvents {
  readonly #client: StandingListener;
  readonly #standing: () => Standing;
  #state: ClientStatus['state'] = 'connecting';
  #reason: string | undefined;
  #role: ClientRole = { role: undefined, term: 0 };

  /** @param standing gives how the client stands at the moment of the call */
  constructor(client: StandingListener, standing: () => Standing) {
    this.#client = client;
    this.#standing = standing;
  }

  /** Something may have changed. */
  check(): void {
    const standing = this.#standing();
    const status = statusOf(standing);
    const { state, reason } = status;
    const role = roleOf(standing);
    if (role.role !== this.#role.role || role.term !== this.#role.term) {
      this.#role = role;
      nextTick(() => emitSafely(this.#client, 'role', [role]));
    }
    if (state === this.#state && reason?.message === this.#reason) return;
    const isNewlyReady = state === 'ready' && state !== this.#state;
    this.#state = state;
    this.#reason = reason?.message;
    nextTick(() => {
      emitSafely(this.#client, 'state', [status]);
      if (isNewlyReady) emitSafely(this.#client, 'ready', []);
    });
  }
}
