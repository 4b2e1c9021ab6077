// Leadership in etcd: the leader's key under a short lease, and the epoch without a lease, written in one transaction. The answer to a
// claim may be lost, so a campaign that finds its own member in the key has won; the lease stands in the key.

import type { CampaignOutcome, Candidate, Fence, Leader } from '../../engine';
import type { EtcdEntry } from '../../../etcd/etcd-types';
import { backgroundClock } from '../../../time';
import { digits, fenceOf, leaderOf, leaderValue } from './keys';
import type { EtcdLine } from './line';

/** Claims that fail because another transaction came between are tried so often. */
const CLAIMS = 5;

interface Lead {
  readonly fence: Fence;
  readonly lease: string;
}

export class EtcdLeadership {
  #lead: Lead | undefined;
  /** When this session has found that etcd has lost the epoch, on the clock. */
  #lossSeenAt: number | undefined;

  async campaign(line: EtcdLine, candidate: Candidate): Promise<CampaignOutcome> {
    for (let claims = 1; ; claims++) {
      const { ranges } = await line.read({ key: line.keys.leader }, { key: line.keys.epoch });
      const [present, epoch] = ranges.map(({ entries }) => entries[0]);
      if (present) return this.#outcome(line, present, candidate);
      const waitMs = this.#waitMs(line.setup.ttlMs, candidate, epoch);
      if (waitMs > 0) return { won: false, leader: undefined, waitMs };
      const outcome = await this.#claim(line, candidate, epoch);
      if (outcome || claims === CLAIMS) return outcome ?? { won: false, leader: undefined, waitMs: 0 };
    }
  }

  async renew(line: EtcdLine, fence: Fence): Promise<boolean> {
    const lease = this.#lead?.fence === fence ? this.#lead.lease : (await this.#present(line, fence))?.lease;
    if (lease === undefined) return false;
    const [ttlSeconds, present] = await Promise.all([line.client.keepLeaseAlive(lease), this.#present(line, fence)]);
    const isLeading = ttlSeconds > 0 && present !== undefined;
    if (isLeading) this.#lead = { fence, lease };
    else this.#forget(fence);
    return isLeading;
  }

  async resign(line: EtcdLine, fence: Fence): Promise<void> {
    const lease = this.#lead?.fence === fence ? this.#lead.lease : (await this.#present(line, fence))?.lease;
    if (lease !== undefined) await line.client.revokeLease(lease);
    this.#forget(fence);
  }

  /** Ends the lease of own leadership, if there is one. */
  async end(line: EtcdLine): Promise<void> {
    if (this.#lead) await this.resign(line, this.#lead.fence);
  }

  /** Ends leadership, wishes and calls of a member whose process is dead, with the leases of the member. */
  async release(line: EtcdLine, { fence, member }: Leader): Promise<boolean> {
    const { ranges } = await line.read({ key: line.keys.leader }, { key: line.keys.number(member) });
    const [present, number] = ranges.map(({ entries }) => entries[0]);
    const hasLed = present?.lease !== undefined && leaderOf(present).fence === fence;
    const [wasLeading] = await Promise.all([
      hasLed && line.client.revokeLease(present.lease),
      number?.lease !== undefined && line.client.revokeLease(number.lease),
    ]);
    return wasLeading;
  }

  /** The leader's key, if the fence leads. */
  async #present(line: EtcdLine, fence: Fence): Promise<EtcdEntry | undefined> {
    const { ranges } = await line.read({ key: line.keys.leader });
    const entry = ranges[0]?.entries[0];
    return entry && leaderOf(entry).fence === fence ? entry : undefined;
  }

  #forget(fence: Fence): void {
    if (this.#lead?.fence === fence) this.#lead = undefined;
  }

  async #outcome(line: EtcdLine, present: EtcdEntry, { record }: Candidate): Promise<CampaignOutcome> {
    const leader = leaderOf(present);
    if (leader.member !== record.member || present.lease === undefined) return { won: false, leader };
    // Won before, in a campaign whose answer was lost.
    const ttlSeconds = await line.client.keepLeaseAlive(present.lease);
    if (ttlSeconds === 0) return { won: false, leader: undefined, waitMs: 0 };
    this.#lead = { fence: leader.fence, lease: present.lease };
    return { won: true, fence: leader.fence, epoch: leader.epoch };
  }

  /**
   * How long a candidate waits that knows of an epoch which etcd has lost: the leader of that epoch may be at work, and stops by its
   * own clock.
   */
  #waitMs(ttlMs: number, { highestEpoch, isIncumbent }: Candidate, epoch: EtcdEntry | undefined): number {
    const isLost = epoch === undefined && highestEpoch > 0;
    if (!isLost) this.#lossSeenAt = undefined;
    if (!isLost || isIncumbent) return 0;
    const now = backgroundClock.now();
    this.#lossSeenAt ??= now;
    return Math.max(0, this.#lossSeenAt + ttlMs - now);
  }

  /** @returns undefined when another transaction came between */
  async #claim(line: EtcdLine, candidate: Candidate, stored: EtcdEntry | undefined): Promise<CampaignOutcome | undefined> {
    const { keys, setup, client } = line;
    const { record, highestEpoch } = candidate;
    const { lease } = await client.grantLease(Math.max(1, Math.ceil(setup.ttlMs / 1_000)));
    const storedEpoch = stored ? Number(stored.value.toString()) : 0;
    const epoch = Math.max(storedEpoch + 1, highestEpoch + 1, Date.now());
    const { revision, succeeded, results } = await line.txn({
      if: [{ key: keys.leader, version: 0 }, stored ? { key: keys.epoch, value: stored.value } : { key: keys.epoch, version: 0 }],
      then: [
        { put: { key: keys.leader, value: leaderValue(record, epoch), lease } },
        { put: { key: keys.epoch, value: String(epoch) } },
        // A missing guard would satisfy no comparison.
        { put: { key: keys.guard, value: digits(0) } },
      ],
      else: [{ range: { key: keys.leader } }],
    });
    if (succeeded) {
      const fence = fenceOf(revision, epoch);
      this.#lead = { fence, lease };
      return { won: true, fence, epoch };
    }
    await client.revokeLease(lease);
    const [result] = results;
    const present = result && 'range' in result ? result.range.entries[0] : undefined;
    return present && this.#outcome(line, present, candidate);
  }
}
