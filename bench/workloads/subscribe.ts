// Followers subscribe to many keys at once, as worker processes do when they start. All of them want the same keys.

import { Crew, cpuDuring } from '../crew';
import { PEER_NAMES } from '../peers/peer';
import { sum } from '../statistics';
import { errorsOf, type Workload } from './workload';

const FOLLOWERS = 4;
const KEYS = 2_000;
const QUICK_FOLLOWERS = 2;
const QUICK_KEYS = 100;
/** Other keys, before the measurement, as a share of those in it. */
const WARM_UP_SHARE = 0.25;

export const subscribe: Workload = {
  name: 'subscribe',
  title: `subscribe, ${FOLLOWERS} × ${KEYS} keys`,
  unit: '/s',
  peers: PEER_NAMES,
  measure: (peer, scale) =>
    Crew.during(peer, async (crew) => {
      const quick = scale === 'quick';
      const { leader, followers } = await crew.assemble(quick ? QUICK_FOLLOWERS : FOLLOWERS);
      const keys = quick ? QUICK_KEYS : KEYS;
      const watchAll = (first: number, count: number) =>
        Promise.all(followers.map((follower) => follower.ask('watch', { first, keys: count })));
      await watchAll(keys, keys * WARM_UP_SHARE);
      const { result, cpuUs } = await cpuDuring(leader, () => watchAll(0, keys));
      const startedAtMs = Math.min(...result.map((watched) => watched.startedAtMs));
      const endedAtMs = Math.max(...result.map((watched) => watched.endedAtMs));
      const subscriptions = followers.length * keys;
      return {
        value: (subscriptions * 1_000) / (endedAtMs - startedAtMs),
        leaderCpuUs: cpuUs / subscriptions,
        followerCpuUs: sum(result.map((watched) => watched.cpuUs)) / subscriptions,
        problems: [], // it ends only when every key has its value
        errors: await errorsOf([leader, ...followers]),
      };
    }),
};
