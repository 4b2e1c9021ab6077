// A leader is a Single plus a ChannelHost behind the cluster port.

import type { ChannelLease } from '../election/term';
import { Listener } from '../transport/listener';
import { ChannelHost } from './channel-host';
import type { ChannelSpec, Role, RoleEnd, RoleHooks } from './role';
import { Single, type Session } from './single';

export class Leader implements Role {
  readonly isLeader = true;
  readonly ended: Promise<RoleEnd>;
  isOver = false;
  readonly #spec: ChannelSpec;
  readonly #lease: ChannelLease;
  readonly #single: Single;
  readonly verbs: Session;
  readonly #listener: Listener;
  readonly #host: ChannelHost;
  #end!: (end: RoleEnd) => void;
  #closing: Promise<void> | undefined;

  constructor(spec: ChannelSpec, lease: ChannelLease, hooks: RoleHooks) {
    this.#spec = spec;
    this.#lease = lease;
    this.#single = new Single(spec);
    this.verbs = this.#single.join(hooks);
    this.#host = new ChannelHost(this.#single, (error) => {
      hooks.onError(error);
    });
    this.#listener = Listener.of(lease.server, spec.clock);
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  /** Begins to serve: followers may register from here on, and are answered when the upstream client is ready. */
  start(): void {
    this.#listener.open(this.#spec.name, this.#host);
    this.#single.start();
  }

  get ready(): Promise<void> {
    return this.#single.ready;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#listener.shut(this.#spec.name);
    // The port first: a follower that loses its connection must be able to bind it at once.
    const portFree = this.#lease.release();
    await Promise.all([this.#host.close(), this.#single.close()]);
    this.verbs.leave();
    await portFree;
    this.isOver = true;
    this.#end({ reason: 'closed' });
  }
}
