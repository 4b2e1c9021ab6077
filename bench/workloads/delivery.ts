// Events from the leader to subscribed followers, and the check that every event arrived. Used by the workloads that measure
// events.

import { cpuDuring, NOTHING, type WorkerHandle } from '../crew';
import type { Delivered } from '../orders';
import { sum } from '../statistics';

export interface Burst {
  readonly leader: WorkerHandle;
  readonly followers: readonly WorkerHandle[];
  readonly first: number;
  readonly count: number;
  readonly keys: number;
  readonly perTick: number;
  readonly entries: number;
}

export interface BurstTimes {
  readonly perSecond: number;
  readonly leaderCpuUs: number;
  readonly followerCpuUs: number;
  readonly problems: string[];
}

/** Pushes `count` events with revisions from `first` on, and waits until the last follower has the last event. */
export async function deliver({ leader, followers, first, count, keys, perTick, entries }: Burst): Promise<BurstTimes> {
  const last = first + count - 1;
  await Promise.all(followers.map((follower) => follower.ask('expect', { last, entries })));
  const { result, cpuUs } = await cpuDuring(leader, async () => {
    const delivered = Promise.all(followers.map((follower) => follower.ask('delivered', NOTHING)));
    const [{ startedAtMs }, deliveries] = await Promise.all([leader.ask('push', { first, count, keys, perTick }), delivered]);
    return { startedAtMs, deliveries };
  });
  const total = followers.length * count;
  const elapsedMs = Math.max(...result.deliveries.map(({ atMs }) => atMs)) - result.startedAtMs;
  return {
    perSecond: (total * 1_000) / elapsedMs,
    leaderCpuUs: cpuUs / total,
    followerCpuUs: sum(result.deliveries.map((delivered) => delivered.cpuUs)) / total,
    problems: result.deliveries.flatMap((delivered, index) =>
      problemsOf(delivered, count).map((problem) => `follower ${index + 1}: ${problem}`),
    ),
  };
}

function problemsOf({ count, disordered, lastIsRight }: Delivered, expected: number): string[] {
  const problems: string[] = [];
  if (count !== expected) problems.push(`${count} of ${expected} events were delivered`);
  if (disordered > 0) problems.push(`${disordered} events came after a newer one`);
  if (!lastIsRight) problems.push('the last value is not what the leader gave');
  return problems;
}
