// A leader is a Single plus a ChannelHost behind a port.

import type { ChannelLease } from '../election/term';
import { ChannelHost } from './channel-host';
import type { ChannelSpec, FollowerSnapshot, Role, RoleEnd, RoleHooks } from './role';
import { Single, type Session } from './single';

/** How long a leader that goes waits for its followers to be served by the next one, ms. */
const HAND_OFF_MS = 2_000;

export class Leader implements Role {
  readonly kind = 'leader';
  readonly isLeader = true;
  readonly leaving: Promise<void>;
  readonly ended: Promise<RoleEnd>;
  isOver = false;
  readonly #spec: ChannelSpec;
  readonly #lease: ChannelLease;
  readonly #single: Single;
  readonly verbs: Session;
  readonly #host: ChannelHost;
  #isSucceeded = false;
  #end!: (end: RoleEnd) => void;
  #closing: Promise<void> | undefined;

  constructor(spec: ChannelSpec, lease: ChannelLease, hooks: RoleHooks) {
    this.#spec = spec;
    this.#lease = lease;
    this.#single = new Single(spec);
    this.verbs = this.#single.join(hooks);
    this.#host = new ChannelHost(this.#single, lease.term, (error) => {
      hooks.onError(error);
    });
    this.leaving = lease.succeeded.then(() => {
      this.#isSucceeded = true;
      this.#host.sendAway();
    });
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  get term(): number {
    return this.#lease.term;
  }

  get followers(): readonly FollowerSnapshot[] {
    return this.#host.followers;
  }

  get skippedEvents(): number {
    return this.#host.skippedEvents;
  }

  /** Begins to serve: followers may come from here on, and are answered when the upstream client is ready. */
  start(): void {
    this.#lease.open(this.#host);
    this.#single.start();
    void this.#single.ready.then(() => {
      if (!this.#closing) this.#lease.ready();
    });
  }

  get ready(): Promise<void> {
    return this.#single.ready;
  }

  retire(): Promise<void> {
    this.#single.ledger.keep();
    this.verbs.leave();
    return this.close();
  }

  /** Hands the channel over to a follower that could lead, if there is one, and closes the upstream client then. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#single.upstream.isReady && (this.#isSucceeded || this.#host.hasHeir)) await this.#handOff();
    // The port first: a follower that loses its connection must be able to bind it at once.
    const released = this.#lease.release();
    await Promise.all([this.#host.close(), this.#single.close()]);
    this.verbs.leave();
    await released;
    this.isOver = true;
    this.#end({ reason: 'closed' });
  }

  async #handOff(): Promise<void> {
    const { clock } = this.#spec;
    this.#single.ledger.keep();
    this.#lease.resign();
    this.#host.sendAway();
    let timer;
    const patience = new Promise<void>((resolve) => {
      timer = clock.setTimeout(resolve, HAND_OFF_MS);
    });
    // Its own calls belong to a client that goes on elsewhere, unless it is being closed.
    const { idle } = this.#isSucceeded ? this.#single.upstream : { idle: undefined };
    await Promise.race([Promise.all([this.#host.deserted, idle]), patience]);
    clock.clearTimeout(timer);
  }
}
