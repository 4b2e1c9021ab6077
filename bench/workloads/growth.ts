// How much an event and a call cost the leader, and how much memory of the leader an idle follower takes, with more and more
// followers and keys. Ideally nothing changes.

import { Crew, cpuDuring, NOTHING, type WorkerHandle } from '../crew';
import { LIBRARY_PEERS } from '../peers/peer';
import { sum } from '../statistics';
import { deliver } from './delivery';
import { errorsOf, type Sample, type Scale, type Workload } from './workload';

const FOLLOWERS = [1, 4, 16, 64];
const KEYS = [100, 10_000, 100_000];
const ENTRIES = 8;
const PER_TICK = 20;
/** Deliveries in all, for any number of followers. */
const DELIVERIES = 32_000;
const CALLS = 32_000;
const CALLS_IN_FLIGHT = 16;
const WARM_UP_SHARE = 0.25;
/** With fewer followers, single allocations of the leader outweigh the followers. */
const ENOUGH_TO_WEIGH = 16;
const QUICK_SHARE = 20;

interface GrowthPoint {
  readonly followers: number;
  readonly keys: number;
}

function growth(name: string, title: string, point: GrowthPoint): Workload {
  return {
    name,
    title,
    unit: 'µs',
    peers: LIBRARY_PEERS,
    measure: (peer, scale) => Crew.during(peer, (crew) => measure(crew, point, scale)),
  };
}

async function measure(crew: Crew, point: GrowthPoint, scale: Scale): Promise<Sample> {
  const [leader, ...followers] = (await crew.start(1 + point.followers)) as [WorkerHandle, ...WorkerHandle[]];
  await crew.join(leader, 'leader', ENTRIES);
  const before = await leader.ask('memory', NOTHING);
  await Promise.all(followers.map((follower) => crew.join(follower, 'follower', ENTRIES)));
  const after = await leader.ask('memory', NOTHING);
  await Promise.all(followers.map((follower) => follower.ask('watch', { first: 0, keys: point.keys })));

  const share = (scale === 'quick' ? QUICK_SHARE : 1) * followers.length;
  const count = Math.ceil(DELIVERIES / share);
  const warmUp = Math.ceil(count * WARM_UP_SHARE);
  const burst = { leader, followers, keys: point.keys, perTick: PER_TICK, entries: ENTRIES };
  const warmedUp = await deliver({ ...burst, first: 1, count: warmUp });
  const delivery = await deliver({ ...burst, first: 1 + warmUp, count });

  const calls = Math.ceil(CALLS / share);
  const callAll = (each: number) =>
    Promise.all(followers.map((follower) => follower.ask('call', { count: each, inFlight: CALLS_IN_FLIGHT })));
  await callAll(Math.ceil(calls * WARM_UP_SHARE));
  const called = await cpuDuring(leader, () => callAll(calls));
  const wrong = sum(called.result.map((result) => result.wrong));
  const problems = [...warmedUp.problems, ...delivery.problems];
  if (wrong > 0) problems.push(`${wrong} answers are not what was sent`);
  return {
    value: delivery.leaderCpuUs,
    leaderCpuPerCallUs: called.cpuUs / (calls * followers.length),
    ...(followers.length >= ENOUGH_TO_WEIGH && { bytesPerFollower: (after.usedBytes - before.usedBytes) / followers.length }),
    problems,
    errors: await errorsOf([leader, ...followers]),
  };
}

/** A workload for each point of growth. */
export const growthPoints: readonly Workload[] = [
  ...FOLLOWERS.map((followers) =>
    growth(`growth-${followers}`, `${followers} follower${followers === 1 ? '' : 's'}, 1 key`, { followers, keys: 1 }),
  ),
  ...KEYS.map((keys) => growth(`growth-keys-${keys}`, `1 follower, ${keys.toLocaleString('en')} keys`, { followers: 1, keys })),
];
