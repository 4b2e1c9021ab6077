// The election: the process that binds the cluster port leads channels that have no leader, and says who leads the other
// channels. A campaign is a single attempt; the failover loop (src/client/failover.ts) decides when to try again.

import type { Candidacy } from '../../protocol/candidacy';
import type { OwnChannelId } from '../../protocol/handshake';
import { formatEndpoint } from '../endpoint';
import { TrunklineError } from '../errors';
import { missingFlag } from '../permission';
import { delay } from '../time';
import { AppointedLease } from './appointed-lease';
import { HeldPort } from './held-port';
import type { Appointed, ChannelLease, Meeting, Term } from './term';

/**
 * The system closes the sockets of a killed process one after the other, so its followers may come before the port is free, ms.
 * A process that dials instead reaches nobody, and comes again a few milliseconds later: two joins for the price of one bind.
 */
const DYING_MS = 1;

export class PortRace {
  readonly #meeting: Meeting;
  readonly #channel: OwnChannelId;
  /** The newest term whose loss has brought this process here. */
  #lostTerm = 0;

  constructor(meeting: Meeting, channel: OwnChannelId) {
    this.#meeting = meeting;
    this.#channel = channel;
  }

  /**
   * Takes part once and gives the outcome.
   * @param seenTerm the newest term that this process has seen, whose leader is gone. 0: none
   * @param signal ends the wait for the port of a dead process
   * @throws TrunklineError when the port cannot be bound at all
   */
  async campaign(seenTerm: number, candidacy: Candidacy, signal: AbortSignal): Promise<Term> {
    this.#assertNetwork();
    if (candidacy !== 'follows') {
      const lease = (await this.#claim(seenTerm)) ?? (await this.#claimFromTheDead(seenTerm, signal));
      if (lease) return { kind: 'leader', lease };
    }
    return { ...this.concede(), isPortHeld: candidacy !== 'follows' };
  }

  /** Does not take part, because another process is going to lead. A port that is free is for that one. */
  concede(): Term & { readonly kind: 'follower' } {
    return { kind: 'follower', endpoint: this.#meeting.endpoint, isPortHeld: false };
  }

  #claim(seenTerm: number): Promise<ChannelLease | undefined> {
    return HeldPort.hold(this.#meeting, (reception) => reception.claim(this.#channel, seenTerm));
  }

  /** Once after the loss of a leader, when the port is still taken: perhaps by the process that has just died. */
  async #claimFromTheDead(seenTerm: number, signal: AbortSignal): Promise<ChannelLease | undefined> {
    if (seenTerm <= this.#lostTerm) return undefined;
    this.#lostTerm = seenTerm;
    await delay(this.#meeting.clock, DYING_MS, signal);
    return signal.aborted ? undefined : this.#claim(seenTerm);
  }

  /**
   * Without the permission `listen` throws where nothing can catch the error, and a failed dial would look like a missing
   * leader.
   */
  #assertNetwork(): void {
    const flag = missingFlag('net');
    if (flag === undefined) return;
    const { endpoint } = this.#meeting;
    throw new TrunklineError(
      'ERR_TRUNKLINE_BIND_FAILED',
      `cluster port ${formatEndpoint(endpoint)} cannot be used: this process may not use the network; start node with ${flag}`,
      { port: endpoint.port },
    );
  }

  /**
   * The port holder has appointed this process. @returns undefined when another client of this process leads the channel already
   */
  accept(appointed: Appointed): Promise<ChannelLease | undefined> {
    return AppointedLease.open(this.#meeting, this.#channel, appointed);
  }
}
