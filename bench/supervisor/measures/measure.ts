// What is common to the measures: a time of something that a supervisor does, and when an application stands.

import type { Scale } from '../../workloads/workload';
import { clock } from '../../orders';
import { median } from '../../statistics';
import { WORKERS, type Application, type Peer, type Shape } from '../peers/peer';
import type { Ready } from '../reports';
import { Stage } from '../stage';

export interface TimeSample {
  readonly ms: number;
  /** The part of the time in which a new process started until ready: not due to the supervisor. */
  readonly bootMs?: number;
}

export interface TimeMeasure {
  readonly name: string;
  readonly title: string;
  readonly peers: readonly Peer[];
  /** The most that trunkline may take beyond the start of the new process, ms. */
  readonly targetBeyondBootMs?: number;
  /** The most that trunkline may take, as a share of egg-cluster's time. */
  readonly targetOfEggCluster?: number | undefined;
  measure(peer: Peer, scale: Scale): Promise<TimeSample>;
}

/** Every repetition starts a new application. */
const REPETITIONS = { full: 3, quick: 1 } as const;
/** How long an answer of the application may take to come from every worker, ms. */
const SERVING_MS = 10_000;

/** The medians of a few repetitions. */
export async function repeated(
  peer: Peer,
  shape: Shape,
  scale: Scale,
  once: (stage: Stage, application: Application) => Promise<TimeSample>,
): Promise<TimeSample> {
  const samples: TimeSample[] = [];
  if (peer.keepsCode) await Stage.during((stage) => warmUp(stage, peer, shape));
  for (let repetition = 0; repetition < REPETITIONS[scale]; repetition++) {
    samples.push(await Stage.during(async (stage) => once(stage, await peer.start(stage, shape))));
  }
  const boots = samples.flatMap(({ bootMs }) => bootMs ?? []);
  return { ms: median(samples.map(({ ms }) => ms)), ...(boots.length > 0 && { bootMs: median(boots) }) };
}

/** Leaves compiled code for the starts to come. */
async function warmUp(stage: Stage, peer: Peer, shape: Shape): Promise<void> {
  const application = await peer.start(stage, shape);
  await standing(stage, shape);
  await application.stop?.();
}

/** Resolves when agent and workers are ready, and the workers have a value of the agent, if there is an agent. */
export async function standing({ reports }: Stage, shape: Shape): Promise<{ agent: Ready | undefined; workers: Ready[] }> {
  const workers = await reports.until(`${WORKERS} workers ready`, () => {
    const found = reports.ready.filter(({ role }) => role === 'worker');
    return found.length >= WORKERS ? found : undefined;
  });
  if (shape === 'http') return { agent: undefined, workers };
  const agent = await reports.until('the agent ready', () => reports.ready.find(({ role }) => role === 'agent'));
  return { agent, workers };
}

/** @throws Error unless each of these workers, and no other process, answers HTTP */
export async function assertServing({ port }: Stage, workers: readonly Ready[]): Promise<void> {
  const missing = new Set(workers.map(({ pid }) => pid));
  for (const deadline = clock() + SERVING_MS; missing.size > 0;) {
    const response = await fetch(`http://127.0.0.1:${port}/self`, { headers: { connection: 'close' } });
    const { pid } = (await response.json()) as { pid: number };
    if (!workers.some((worker) => worker.pid === pid)) throw new Error(`process ${pid} answers, but is none of the workers`);
    missing.delete(pid);
    if (clock() > deadline) throw new Error(`no answer from ${[...missing].join(', ')}`);
  }
}
