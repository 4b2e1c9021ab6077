// Followers subscribe to many keys at once, as worker processes do after a start or a change of leader. All followers want the
// same keys.

import { Crew, cpuDuring } from '../crew';
import { LIBRARY_PEERS } from '../peers/peer';
import { sum } from '../statistics';
import { errorsOf, type Sample, type Scale, type Workload } from './workload';

const FOLLOWERS = 4;
const KEYS = 2_000;
const QUICK_FOLLOWERS = 2;
const QUICK_KEYS = 100;
/** Other keys, before the measurement, as a share of the measured keys. */
const WARM_UP_SHARE = 2;

function subscribing(name: string, title: string, warmUpShare: number): Workload {
  return {
    name,
    title: `${title}, ${FOLLOWERS} × ${KEYS} keys`,
    unit: '/s',
    peers: LIBRARY_PEERS,
    measure: (peer, scale) => Crew.during(peer, (crew) => measure(crew, scale, warmUpShare)),
  };
}

async function measure(crew: Crew, scale: Scale, warmUpShare: number): Promise<Sample> {
  const quick = scale === 'quick';
  const { leader, followers } = await crew.assemble(quick ? QUICK_FOLLOWERS : FOLLOWERS);
  const keys = quick ? QUICK_KEYS : KEYS;
  const watchAll = (first: number, count: number) =>
    Promise.all(followers.map((follower) => follower.ask('watch', { first, keys: count })));
  if (warmUpShare > 0) await watchAll(keys, keys * warmUpShare);
  const { result, cpuUs } = await cpuDuring(leader, () => watchAll(0, keys));
  const startedAtMs = Math.min(...result.map((watched) => watched.startedAtMs));
  const endedAtMs = Math.max(...result.map((watched) => watched.endedAtMs));
  const subscriptions = followers.length * keys;
  return {
    value: (subscriptions * 1_000) / (endedAtMs - startedAtMs),
    leaderCpuUs: cpuUs / subscriptions,
    followerCpuUs: sum(result.map((watched) => watched.cpuUs)) / subscriptions,
    problems: [], // the workload ends only when every key has a value
    errors: await errorsOf([leader, ...followers]),
  };
}

export const subscribe = subscribing('subscribe', 'subscribe', WARM_UP_SHARE);
/** In processes that have subscribed to nothing before. */
export const subscribeCold = subscribing('subscribe-cold', 'subscribe right after the start', 0);
