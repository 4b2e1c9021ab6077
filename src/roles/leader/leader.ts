// A leader is a Single plus a ChannelHost behind a lease. A leader that closes lets a successor take over before it stops serving.

import type { ChannelLease } from '../../election/term';
import type { FleetView } from '../../fleet-view';
import type { UpstreamView } from '../../host-view';
import type { LedReport } from '../../process-report';
import { within } from '../../time';
import { ChannelHost } from './channel-host';
import type { ChannelSpec, FollowerSnapshot, Role, RoleEnd, RoleHooks } from '../role';
import type { Session } from '../local/session';
import { Single } from '../local/single';

/**
 * How long a leader that has resigned waits until all followers are served by the successor, ms. The port keeps the process alive
 * meanwhile.
 */
const HAND_OFF_MS = 2_000;
/**
 * How long a successor waits for followers of the old leader before asking the upstream client for values, ms: there may be no
 * followers.
 */
const FIRST_JOIN_MS = 250;
/**
 * How long a leader that was succeeded waits for its publish and unPublish before it says that it is silent, ms. It is less than the port holder
 * and the successor wait for that.
 */
const VERBS_MS = 200;

export class Leader implements Role {
  readonly kind = 'leader';
  readonly isLeader = true;
  readonly handOffBegun: Promise<void>;
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
    this.handOffBegun = lease.succeeded.then(() => {
      this.#isSucceeded = true;
      this.#fallSilent();
      this.#host.handOff();
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

  get upstream(): UpstreamView {
    return this.#single.standing.view;
  }

  get fleet(): FleetView | undefined {
    return this.#single.fleet;
  }

  get valuesReceived(): number {
    return this.verbs.valuesReceived;
  }

  report(withKeys: boolean): LedReport {
    const { report, skippedEvents } = this.#host;
    return { ...this.#single.report(withKeys), followers: report, skippedValues: skippedEvents };
  }

  stamp(): string {
    return `${this.#single.stamp()} ${this.#host.stamp()}`;
  }

  /** Begins to serve: followers may come from here on, and are answered when the upstream client is ready. */
  start(): void {
    const awaitsFollowers = this.#lease.isSucceeding && this.#spec.delivery === 'latest';
    if (awaitsFollowers) this.#single.holdKeys();
    if (this.#lease.isSucceeding) this.#single.holdPublications();
    this.#lease.open(this.#host);
    this.#single.start();
    void this.#single.ready.then(async () => {
      if (!this.#closing) this.#lease.ready();
      if (!this.#lease.isSucceeding) return;
      // Followers come when the old leader is silent: what is asked from then on is not older than what they have had of it, and its
      // upstream client has done what it was told about publications.
      await within(this.#spec.clock, FIRST_JOIN_MS, this.#host.firstJoined, false);
      this.#single.release();
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

  /** Hands the channel over to a follower that could lead, if such a follower exists, and then closes the upstream client. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    if (this.#single.upstream.isReady && (this.#isSucceeded || this.#host.hasCandidate)) await this.#handOff();
    // The port comes first: a follower that loses the connection must be able to bind the port at once.
    const released = this.#lease.release();
    await Promise.all([this.#host.close(), this.#single.close()]);
    this.verbs.leave();
    await released;
    this.isOver = true;
    this.#end({ reason: 'closed' });
  }

  /** The successor delivers from now on. Where nothing may be skipped, both leaders deliver until this leader is gone. */
  #fallSilent(): void {
    if (this.#spec.delivery === 'latest') {
      this.verbs.silence();
      this.#host.silence();
    }
    const { publications } = this.#single;
    publications.stopRetrying();
    void within(this.#spec.clock, VERBS_MS, publications.settled, false).then(() => {
      this.#lease.silent();
    });
  }

  async #handOff(): Promise<void> {
    this.#single.ledger.keep();
    this.#lease.resign();
    this.#host.handOff();
    // The client's own calls go on elsewhere, unless the client is being closed.
    const { idle } = this.#isSucceeded ? this.#single.upstream : { idle: undefined };
    await within(this.#spec.clock, HAND_OFF_MS, Promise.all([this.#host.allLeft, idle]), false);
  }
}
