// What a process pays before the first operation: loading the package, and memory once the first value is there.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { Crew, NOTHING, type WorkerHandle } from '../crew';
import type { PeerName } from '../peers/peer';
import { median } from '../statistics';
import type { Sample, Workload } from './workload';

/** How many loads a round has: a single load takes only a tenth of a second. */
const LOADS = 5;

/** `require()` in a process that has done nothing else. The result is CPU time. */
export const loading: Workload = {
  name: 'require',
  title: 'require()',
  unit: 'ms',
  peers: ['trunkline', 'cluster-client', 'sdk-base', 'empty'],
  measure: async (peer, scale) => {
    const loads: Loaded[] = [];
    while (loads.length < (scale === 'quick' ? 1 : LOADS)) loads.push(await load(peer));
    const of = (name: keyof Loaded): number => median(loads.map((loaded) => loaded[name]));
    return {
      value: of('cpuMs'),
      wallMs: of('wallMs'),
      residentMb: of('residentMb'),
      modules: of('modules'),
      problems: [],
      errors: [],
    };
  },
};

interface Loaded {
  readonly cpuMs: number;
  readonly wallMs: number;
  readonly residentMb: number;
  readonly modules: number;
}

async function load(peer: PeerName): Promise<Loaded> {
  const { stdout } = await promisify(execFile)(Crew.execPath, [join(__dirname, '..', 'load.js'), peer]);
  return JSON.parse(stdout) as Loaded;
}

/** Resident memory of a process that has the first value, above the memory of a process without a peer. */
function memoryOf(whose: 'leader' | 'follower'): Workload {
  return {
    name: `memory-${whose}`,
    title: `memory of a ${whose} with its first value`,
    unit: 'MB',
    peers: ['trunkline', 'cluster-client', 'floor'],
    measure: async (peer) => {
      const emptyMb = await Crew.during('empty', async (crew) => residentMb((await crew.start(1))[0]!));
      return Crew.during(peer, async (crew): Promise<Sample> => {
        const { leader, followers } = await crew.assemble(1);
        await followers[0]!.ask('watch', { first: 0, keys: 1 });
        if (whose === 'leader') await leader.ask('watch', { first: 0, keys: 1 });
        const value = (await residentMb(whose === 'leader' ? leader : followers[0]!)) - emptyMb;
        return { value, problems: [], errors: [] };
      });
    },
  };
}

async function residentMb(worker: WorkerHandle): Promise<number> {
  return (await worker.ask('resident', NOTHING)).mb;
}

export const memory: readonly Workload[] = [memoryOf('leader'), memoryOf('follower')];
