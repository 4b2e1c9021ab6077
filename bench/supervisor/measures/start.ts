// From the spawn of the master until the last worker listens. The agent is ready before.

import { eggCluster, trunkline, trunklineWithoutCache } from '../peers/master';
import { WORKERS, type Shape } from '../peers/peer';
import { assertServing, repeated, standing, type TimeMeasure } from './measure';

export const start: TimeMeasure = startOf('start', `start, agent and ${WORKERS} workers`, 'agent');

export const startShared: TimeMeasure = startOf('start-shared', 'start, all with a shared client', 'shared', 0.6);

function startOf(name: string, title: string, shape: Shape, targetOfEggCluster?: number): TimeMeasure {
  return {
    name,
    title,
    peers: [trunkline, trunklineWithoutCache, eggCluster],
    targetOfEggCluster,
    measure: (peer, scale) =>
      repeated(peer, shape, scale, async (stage, { startedAtMs }) => {
        const { workers } = await standing(stage, shape);
        await assertServing(stage, workers);
        return { ms: Math.max(...workers.map(({ atMs }) => atMs)) - startedAtMs };
      }),
  };
}
