// A follower that never leads is there before the leader. Measured from the moment when the leader is ready until the
// follower is.

import { setTimeout as wait } from 'node:timers/promises';
import { Crew, type WorkerHandle } from '../crew';
import { errorsOf, type Workload } from './workload';

const WAIT_MS = 1_000;
const QUICK_WAIT_MS = 100;

export const lateLeader: Workload = {
  name: 'late-leader',
  title: 'late leader',
  unit: 'ms',
  peers: ['trunkline', 'cluster-client'],
  measure: (peer, scale) =>
    Crew.during(peer, async (crew) => {
      const [leader, follower] = (await crew.start(2)) as [WorkerHandle, WorkerHandle];
      const lead = async () => {
        await wait(scale === 'quick' ? QUICK_WAIT_MS : WAIT_MS);
        return crew.join(leader, 'leader');
      };
      const [leads, follows] = await Promise.all([lead(), crew.join(follower, 'follower')]);
      const value = Math.max(0, follows.readyAtMs - leads.readyAtMs);
      return { value, problems: [], errors: await errorsOf([leader, follower]) };
    }),
};
