// Processes compete, and the leader is killed. Measured until the last survivor has a value of the new leader.

import { setTimeout as wait } from 'node:timers/promises';
import { Crew, type WorkerHandle } from '../crew';
import { clock } from '../orders';
import { median } from '../statistics';
import type { PeerName } from '../peers/peer';
import type { Sample, Scale, Workload } from './workload';

const PROCESSES = 9;
const KILLS = 3;
const QUICK_PROCESSES = 3;
/** A process that has been ready for this long has completed the start, ms. */
const SETTLE_MS = 200;

export const failover = failoverOf('failover', `failover, ${PROCESSES} processes`, KILLS);
/** The first failover of processes that have only started. */
export const firstFailover = failoverOf('first-failover', `first failover, ${PROCESSES} processes`, 1);

function failoverOf(name: string, title: string, kills: number): Workload {
  return {
    name,
    title,
    unit: 'ms',
    peers: ['trunkline', 'cluster-client'],
    measure: (peer, scale) => measure(peer, scale, kills),
  };
}

function measure(peer: PeerName, scale: Scale, kills: number): Promise<Sample> {
  return Crew.during(peer, async (crew) => {
    const quick = scale === 'quick';
    let workers = await crew.start(quick ? QUICK_PROCESSES : PROCESSES);
    for (const worker of workers) await enter(crew, worker);
    const timesMs: number[] = [];
    for (let kill = 0; kill < (quick ? 1 : kills); kill++) {
      await wait(SETTLE_MS);
      const leader = await leaderOf(workers);
      const survivors = workers.filter((worker) => worker !== leader);
      const killedAtMs = clock();
      const gone = crew.kill(leader);
      const successions = await Promise.all(survivors.map((worker) => worker.ask('succession', { owner: leader.pid })));
      await gone;
      timesMs.push(Math.max(...successions.map(({ atMs }) => atMs)) - killedAtMs);
      const [replacement] = (await crew.start(1)) as [WorkerHandle];
      await enter(crew, replacement);
      workers = [...survivors, replacement];
    }
    // Errors that a peer reports about the loss of the leader are part of the measurement.
    return { value: median(timesMs), problems: [], errors: [] };
  });
}

async function enter(crew: Crew, worker: WorkerHandle): Promise<void> {
  await crew.join(worker, 'competitor');
  await worker.ask('watch', { first: 0, keys: 1 });
}

async function leaderOf(workers: readonly WorkerHandle[]): Promise<WorkerHandle> {
  const { owner } = await workers[0]!.ask('succession', { owner: 0 });
  const leader = workers.find(({ pid }) => pid === owner);
  if (!leader) throw new Error(`the leader, process ${owner}, is none of the workers`);
  return leader;
}
