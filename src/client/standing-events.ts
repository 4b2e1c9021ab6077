// The events `state`, `role`, `upstream` and `ready` of a client: each tells a change, once, in a later tick.

import { nextTick } from '../time';
import { emitSafely } from './forward-events';
import { UNKNOWN_STANDING } from '../roles/upstream-standing';
import type { ClientStatus } from './status';

export interface StandingListener {
  emit(event: string | symbol, ...args: unknown[]): boolean;
}

export class StandingEvents {
  readonly #client: StandingListener;
  readonly #status: () => ClientStatus;
  #last: Pick<ClientStatus, 'state' | 'reason' | 'role' | 'term' | 'upstream'> = {
    state: 'connecting',
    reason: undefined,
    role: undefined,
    term: 0,
    upstream: UNKNOWN_STANDING,
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
    const { state, reason, role, term, upstream } = status;
    this.#last = { state, reason, role, term, upstream };
    if (role !== before.role || term !== before.term) nextTick(() => emitSafely(this.#client, 'role', [{ role, term }]));
    // Without a role nothing is known, which `role` tells.
    const isKnown = upstream.state !== 'unknown';
    if (isKnown && (upstream.state !== before.upstream.state || upstream.error !== before.upstream.error))
      nextTick(() => emitSafely(this.#client, 'upstream', [upstream]));
    if (state === before.state && reason?.message === before.reason?.message) return;
    nextTick(() => {
      emitSafely(this.#client, 'state', [status]);
      if (state === 'ready' && before.state !== 'ready') emitSafely(this.#client, 'ready', []);
    });
  }
}
