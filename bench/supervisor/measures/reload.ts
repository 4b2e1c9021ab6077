// All workers are replaced, again and again, under HTTP load: how many requests are lost.

import { setTimeout as wait } from 'node:timers/promises';
import { clock } from '../../orders';
import { median } from '../../statistics';
import type { Scale } from '../../workloads/workload';
import { Load, type Tally } from '../load';
import { trunkline } from '../peers/master';
import { WORKERS, type Peer } from '../peers/peer';
import { pm2, pm2Graceful } from '../peers/pm2';
import { Stage } from '../stage';
import { standing } from './measure';

export interface ReloadSample extends Tally {
  readonly reloads: number;
  /** The time of a reload, the median, ms. */
  readonly reloadMs: number;
}

export const RELOAD = 'reload';
export const RELOAD_PEERS: readonly Peer[] = [trunkline, pm2, pm2Graceful];

const RELOADS = { full: 20, quick: 2 } as const;
/** Load before the first reload and after each, ms. */
const WARM_UP_MS = 500;
const PAUSE_MS = 100;

export function measureReload(peer: Peer, scale: Scale): Promise<ReloadSample> {
  return Stage.during(async (stage) => {
    const application = await peer.start(stage, 'http');
    await standing(stage, 'http');
    const load = new Load(stage.port);
    const times: number[] = [];
    try {
      await wait(WARM_UP_MS);
      while (times.length < RELOADS[scale]) {
        const startedAtMs = clock();
        await application.reload();
        times.push(clock() - startedAtMs);
        await wait(PAUSE_MS);
      }
    } finally {
      await load.stop();
    }
    const started = new Set(stage.reports.ready.map(({ pid }) => pid)).size;
    const expected = WORKERS * (1 + times.length);
    if (started !== expected) throw new Error(`${started} workers have been ready, not ${expected}`);
    return { ...load.tally, reloads: times.length, reloadMs: median(times) };
  });
}
