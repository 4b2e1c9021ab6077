// Single mode: the clients of a channel in this process share a Single by reference count.

import { isSameChannel, leadsApart } from '../../../protocol/handshake';
import type { FleetView } from '../../fleet-view';
import type { UpstreamView } from '../../host-view';
import type { LedReport } from '../../process-report';
import { PerScope } from '../../process-scope';
import { differenceTo, warnOfDifference } from '../identity-warning';
import { warnOfMethods } from '../method-warning';
import type { ChannelSpec, Role, RoleEnd, RoleHooks, Verbs } from '../role';
import { CopiedVerbs } from './copied-verbs';
import type { Session } from './session';
import { Single } from './single';

interface Shared {
  readonly single: Single;
  users: number;
}

const channelsOf = new PerScope(() => new Set<Shared>());

export class SharedSingle implements Role {
  readonly kind = 'single';
  readonly isLeader = true;
  readonly term = 1;
  readonly handOffBegun = new Promise<void>(() => undefined);
  readonly ended: Promise<RoleEnd>;
  isOver = false;
  readonly #shared: Shared;
  readonly verbs: Verbs;
  readonly #session: Session;
  #end!: (end: RoleEnd) => void;
  #closing: Promise<void> | undefined;

  private constructor(shared: Shared, spec: ChannelSpec, hooks: RoleHooks) {
    this.#shared = shared;
    this.#session = shared.single.join(hooks);
    this.verbs = spec.carry === 'copy' ? new CopiedVerbs(this.#session, spec, (error) => hooks.onError(error)) : this.#session;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  /** The first user's spec makes the upstream client. */
  static join(spec: ChannelSpec, hooks: RoleHooks): SharedSingle {
    const channels = channelsOf.of(spec.scope);
    const known = [...channels].filter(({ single }) => isSameChannel(single.spec.id, spec.id));
    let shared =
      known.find(({ single }) => single.spec.id.identity === spec.id.identity) ??
      known.find(({ single }) => !leadsApart(spec.id, single.spec.id));
    if (!shared) {
      shared = { single: new Single(spec), users: 0 };
      channels.add(shared);
    }
    warnOfDifference(spec, differenceTo(shared.single.spec, spec.id));
    warnOfMethods(spec, shared.single.spec.sharedMethods);
    shared.users++;
    const role = new SharedSingle(shared, spec, hooks);
    shared.single.start();
    return role;
  }

  get ready(): Promise<void> {
    return this.#shared.single.ready;
  }

  get upstream(): UpstreamView {
    return this.#shared.single.standing.view;
  }

  get fleet(): FleetView | undefined {
    return this.#shared.single.fleet;
  }

  get valuesReceived(): number {
    return this.#session.valuesReceived;
  }

  report(withKeys: boolean): LedReport {
    return this.#shared.single.report(withKeys);
  }

  stamp(): string {
    return this.#shared.single.stamp();
  }

  retire(): Promise<void> {
    return this.close();
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { single } = this.#shared;
    if (--this.#shared.users === 0) {
      // A client that is created from here on gets a new upstream client.
      channelsOf.of(single.spec.scope).delete(this.#shared);
      await single.close();
    }
    this.#session.leave();
    this.isOver = true;
    this.#end({ reason: 'closed' });
  }
}
