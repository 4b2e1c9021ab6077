// Single mode: the clients of one channel in this process share one Single by reference count.

import type { ChannelSpec, Role, RoleEnd, RoleHooks } from './role';
import { Single, type Session } from './single';

interface Shared {
  readonly single: Single;
  users: number;
}

const channels = new Map<string, Shared>();

export class SharedSingle implements Role {
  readonly isLeader = true;
  readonly ended: Promise<RoleEnd>;
  isOver = false;
  readonly #shared: Shared;
  readonly verbs: Session;
  #end!: (end: RoleEnd) => void;
  #closing: Promise<void> | undefined;

  private constructor(shared: Shared, hooks: RoleHooks) {
    this.#shared = shared;
    this.verbs = shared.single.join(hooks);
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  /** The first user's spec makes the upstream client. */
  static join(spec: ChannelSpec, hooks: RoleHooks): SharedSingle {
    let shared = channels.get(spec.name);
    if (!shared) {
      shared = { single: new Single(spec), users: 0 };
      channels.set(spec.name, shared);
    }
    shared.users++;
    const role = new SharedSingle(shared, hooks);
    shared.single.start();
    return role;
  }

  get ready(): Promise<void> {
    return this.#shared.single.ready;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { single } = this.#shared;
    if (--this.#shared.users === 0) {
      // A client that is created from here on gets an upstream client of its own.
      if (channels.get(single.spec.name) === this.#shared) channels.delete(single.spec.name);
      await single.close();
    }
    this.verbs.leave();
    this.isOver = true;
    this.#end({ reason: 'closed' });
  }
}
