// The upstream client gives new values of a key, and every subscribed follower gets each value.

import { Crew } from '../crew';
import { LIBRARY_PEERS, VALUE_PEERS } from '../peers/peer';
import { deliver } from './delivery';
import { errorsOf, type Workload } from './workload';

const FOLLOWERS = 8;
const QUICK_FOLLOWERS = 2;
const QUICK_SHARE = 20;
/**
 * Events before the measurement, as a share of the measured events. A follower of trunkline takes less and less CPU time for an
 * event until the code is compiled. Followers live for days.
 */
const WARM_UP_SHARE = 2;

interface EventSize {
  readonly name: string;
  readonly title: string;
  readonly count: number;
  readonly entries: number;
  readonly perTick: number;
  /** Events before the measurement, as a share of the measured events; 0: the measured events are the first of the process. */
  readonly warmUpShare: number;
}

function event({ name, title, count, entries, perTick, warmUpShare }: EventSize): Workload {
  return {
    name,
    title,
    unit: '/s',
    peers: warmUpShare === 0 ? [...LIBRARY_PEERS, ...VALUE_PEERS] : LIBRARY_PEERS,
    measure: (peer, scale) =>
      Crew.during(peer, async (crew) => {
        const quick = scale === 'quick';
        const { leader, followers } = await crew.assemble(quick ? QUICK_FOLLOWERS : FOLLOWERS, entries);
        await Promise.all(followers.map((follower) => follower.ask('watch', { first: 0, keys: 1 })));
        const events = quick ? Math.ceil(count / QUICK_SHARE) : count;
        const warmUp = events * warmUpShare;
        const burst = { leader, followers, keys: 1, perTick, entries };
        const before = warmUp > 0 ? (await deliver({ ...burst, first: 1, count: warmUp })).problems : [];
        const { perSecond, ...rest } = await deliver({ ...burst, first: 1 + warmUp, count: events });
        const problems = [...before, ...rest.problems];
        return { value: perSecond, ...rest, problems, errors: await errorsOf([leader, ...followers]) };
      }),
  };
}

/**
 * The share of warm-up events of 850 B. After 8 MiB of values, which are 10,000 of these events, trunkline writes values in another form;
 * then come twice as many as are measured, as for large ones.
 */
const SMALL_WARM_UP_SHARE = 4.5;

const SMALL = { entries: 8, perTick: 20 };
const LARGE = { entries: 700, perTick: 5 };

export const eventSmall = event({
  name: 'event-small',
  title: 'event, 850 B',
  count: 4_000,
  ...SMALL,
  warmUpShare: SMALL_WARM_UP_SHARE,
});
export const eventLarge = event({ name: 'event-large', title: 'event, 72 KB', count: 200, ...LARGE, warmUpShare: WARM_UP_SHARE });

/** The first events of the processes. */
export const firstEvents: readonly Workload[] = [
  ...[1, 100, 1_000, 4_000].map((count) =>
    event({ name: `first-events-${count}`, title: `first events of 850 B: ${count}`, count, ...SMALL, warmUpShare: 0 }),
  ),
  event({ name: 'first-events-large', title: 'first events of 72 KB: 20', count: 20, ...LARGE, warmUpShare: 0 }),
];
