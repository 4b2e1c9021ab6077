// A process of an application gets SIGKILL. An agent is replaced when every worker has a value of the new agent, a worker when
// the new worker listens.

import { setTimeout as wait } from 'node:timers/promises';
import { clock } from '../../orders';
import { eggCluster, trunkline } from '../peers/master';
import type { Ready } from '../reports';
import type { Stage } from '../stage';
import { assertServing, repeated, standing, type TimeMeasure } from './measure';

/** An application that has stood for this long has completed the start, ms. */
const SETTLE_MS = 500;

export const agentKilled: TimeMeasure = {
  name: 'agent-killed',
  title: 'agent killed, until all workers have data',
  peers: [trunkline, eggCluster],
  targetBeyondBootMs: 200,
  measure: (peer, scale) =>
    repeated(peer, 'shared', scale, async (stage) => {
      const { agent, workers } = await settled(stage);
      const killedAtMs = clock();
      process.kill(agent.pid, 'SIGKILL');
      const successor = await newcomer(stage, 'agent', [agent]);
      const times = await Promise.all(workers.map((worker) => firstValue(stage, worker, successor)));
      await assertServing(stage, workers);
      return { ms: Math.max(...times) - killedAtMs, bootMs: successor.atMs - successor.startedAtMs };
    }),
};

export const workerKilled: TimeMeasure = {
  name: 'worker-killed',
  title: 'worker killed, until the next one listens',
  peers: [trunkline, eggCluster],
  targetBeyondBootMs: 100,
  measure: (peer, scale) =>
    repeated(peer, 'shared', scale, async (stage) => {
      const { workers } = await settled(stage);
      const [victim, ...others] = workers as [Ready, ...Ready[]];
      const killedAtMs = clock();
      process.kill(victim.pid, 'SIGKILL');
      const successor = await newcomer(stage, 'worker', workers);
      await assertServing(stage, [...others, successor]);
      return { ms: successor.atMs - killedAtMs, bootMs: successor.atMs - successor.startedAtMs };
    }),
};

async function settled(stage: Stage): Promise<{ agent: Ready; workers: Ready[] }> {
  const { agent, workers } = await standing(stage, 'shared');
  await Promise.all(workers.map((worker) => firstValue(stage, worker, agent!)));
  await wait(SETTLE_MS);
  return { agent: agent!, workers };
}

function newcomer({ reports }: Stage, role: Ready['role'], known: readonly Ready[]): Promise<Ready> {
  return reports.until(`a new ${role} ready`, () =>
    reports.ready.find((ready) => ready.role === role && !known.some(({ pid }) => pid === ready.pid)),
  );
}

/** The moment when a worker has the first value from this agent. */
function firstValue({ reports }: Stage, worker: Ready, agent: Ready): Promise<number> {
  return reports.until(
    'a value of the agent in every worker',
    () => reports.values.find((value) => value.pid === worker.pid && value.agent === agent.pid)?.atMs,
  );
}
