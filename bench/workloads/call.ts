// A follower calls a method of the upstream client, which echoes an argument of about 100 bytes.

import { Crew, cpuDuring } from '../crew';
import { PEER_NAMES } from '../peers/peer';
import { errorsOf, type Workload } from './workload';

const QUICK_SHARE = 50;
/** Calls before the measurement, as a share of those in it. */
const WARM_UP_SHARE = 0.3;

interface CallSize {
  readonly name: string;
  readonly inFlight: number;
  readonly count: number;
}

function call({ name, inFlight, count }: CallSize): Workload {
  return {
    name,
    title: `call, ${inFlight} in flight`,
    unit: inFlight === 1 ? 'µs' : '/s',
    peers: PEER_NAMES,
    measure: (peer, scale) =>
      Crew.during(peer, async (crew) => {
        const { leader, followers } = await crew.assemble(1);
        const follower = followers[0]!;
        const calls = scale === 'quick' ? count / QUICK_SHARE : count;
        const warmedUp = await follower.ask('call', { count: calls * WARM_UP_SHARE, inFlight });
        const { result, cpuUs } = await cpuDuring(leader, () => follower.ask('call', { count: calls, inFlight }));
        const wrong = warmedUp.wrong + result.wrong;
        return {
          value: inFlight === 1 ? result.p50Us : (calls * 1_000) / result.elapsedMs,
          p50Us: result.p50Us,
          p99Us: result.p99Us,
          leaderCpuUs: cpuUs / calls,
          followerCpuUs: result.cpuUs / calls,
          problems: wrong > 0 ? [`${wrong} answers are not what was sent`] : [],
          errors: await errorsOf([leader, follower]),
        };
      }),
  };
}

export const callMany = call({ name: 'call', inFlight: 64, count: 100_000 });
export const callOne = call({ name: 'call-1', inFlight: 1, count: 10_000 });
