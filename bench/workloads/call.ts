// A follower calls a method of the upstream client, which echoes an argument of about 100 bytes.

import { Crew, cpuDuring } from '../crew';
import { LIBRARY_PEERS } from '../peers/peer';
import { errorsOf, type Workload } from './workload';

const QUICK_SHARE = 50;
const WARM_UP_SHARE = 0.3;

interface CallSize {
  readonly name: string;
  readonly title: string;
  readonly inFlight: number;
  readonly count: number;
  /** Calls before the measurement, as a share of the measured calls; 0: the measured calls are the first of the process. */
  readonly warmUpShare: number;
}

function call({ name, title, inFlight, count, warmUpShare }: CallSize): Workload {
  return {
    name,
    title,
    unit: inFlight === 1 ? 'µs' : '/s',
    peers: LIBRARY_PEERS,
    measure: (peer, scale) =>
      Crew.during(peer, async (crew) => {
        const { leader, followers } = await crew.assemble(1);
        const follower = followers[0]!;
        const calls = scale === 'quick' ? Math.ceil(count / QUICK_SHARE) : count;
        const warmUp = Math.ceil(calls * warmUpShare);
        const wrongBefore = warmUp > 0 ? (await follower.ask('call', { count: warmUp, inFlight })).wrong : 0;
        const { result, cpuUs } = await cpuDuring(leader, () => follower.ask('call', { count: calls, inFlight }));
        const wrong = wrongBefore + result.wrong;
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

export const callMany = call({
  name: 'call',
  title: 'call, 64 in flight',
  inFlight: 64,
  count: 100_000,
  warmUpShare: WARM_UP_SHARE,
});
export const callOne = call({
  name: 'call-1',
  title: 'call, 1 in flight',
  inFlight: 1,
  count: 10_000,
  warmUpShare: WARM_UP_SHARE,
});

/** The first calls of the processes. */
export const firstCalls: readonly Workload[] = [100, 10_000].map((count) =>
  call({ name: `first-calls-${count}`, title: `first calls, 64 in flight: ${count}`, inFlight: 64, count, warmUpShare: 0 }),
);
