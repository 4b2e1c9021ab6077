// The upstream client gives new values of one key, and followers that are subscribed to it get each of them.

import { Crew } from '../crew';
import { PEER_NAMES } from '../peers/peer';
import { deliver } from './delivery';
import { errorsOf, type Workload } from './workload';

const FOLLOWERS = 8;
const QUICK_FOLLOWERS = 2;
const QUICK_SHARE = 20;
/**
 * Events before the measurement, as a share of those in it. With 0.25, a follower of trunkline took 13.7 µs of CPU time for an
 * event, with 2 it takes 4.4: the rest was code that was not yet compiled, and the compiler. Followers live for days.
 */
const WARM_UP_SHARE = 2;

interface EventSize {
  readonly name: string;
  readonly title: string;
  readonly count: number;
  readonly entries: number;
  readonly perTick: number;
}

function event({ name, title, count, entries, perTick }: EventSize): Workload {
  return {
    name,
    title,
    unit: '/s',
    peers: PEER_NAMES,
    measure: (peer, scale) =>
      Crew.during(peer, async (crew) => {
        const quick = scale === 'quick';
        const { leader, followers } = await crew.assemble(quick ? QUICK_FOLLOWERS : FOLLOWERS, entries);
        await Promise.all(followers.map((follower) => follower.ask('watch', { first: 0, keys: 1 })));
        const events = quick ? count / QUICK_SHARE : count;
        const warmUp = events * WARM_UP_SHARE;
        const burst = { leader, followers, keys: 1, perTick, entries };
        const before = await deliver({ ...burst, first: 1, count: warmUp });
        const { perSecond, ...rest } = await deliver({ ...burst, first: 1 + warmUp, count: events });
        const problems = [...before.problems, ...rest.problems];
        return { value: perSecond, ...rest, problems, errors: await errorsOf([leader, ...followers]) };
      }),
  };
}

export const eventSmall = event({ name: 'event-small', title: 'event, 850 B', count: 4_000, entries: 8, perTick: 20 });
export const eventLarge = event({ name: 'event-large', title: 'event, 72 KB', count: 200, entries: 700, perTick: 5 });
