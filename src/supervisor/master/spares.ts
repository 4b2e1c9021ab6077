// How many workers get a process while the agent still starts. Such a process has loaded the supervisor's part and waits; the
// program of the user runs when the agent is ready, as the order of a start promises.

import { availableParallelism } from 'node:os';
import type { ResolvedSupervisorOptions } from '../host/options';

/** Arguments of node that run code of the user, or suspend the process, before the task arrives. */
const ACTS_EARLY =
  /^(-r|--(require|import|(experimental-)?loader|inspect|inspect-(brk|wait|port)|(experimental-)?(default-)?config-file))(=|$)/;

/** @returns at most two for each processor: more would compete with the agent, and gain nothing */
export function spareWorkers(
  { startMode, nodeArgs, env, workers }: Pick<ResolvedSupervisorOptions, 'startMode' | 'nodeArgs' | 'env' | 'workers'>,
  processors = availableParallelism(),
): number {
  if (startMode !== 'process') return 0;
  const args = [...nodeArgs, ...(env.NODE_OPTIONS ?? '').split(/\s+/)];
  return args.some((arg) => ACTS_EARLY.test(asNodeReads(arg))) ? 0 : Math.min(workers, 2 * processors);
}

/** Node takes an underscore for a hyphen, and an option of NODE_OPTIONS may stand in quotes. */
function asNodeReads(arg: string): string {
  return arg.replaceAll('"', '').replaceAll('_', '-');
}
