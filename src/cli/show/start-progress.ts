// How far a start has come. Pure.

import type { ProcessStatus } from '../../supervisor/start-cluster';
import type { StartProgress, Step } from './events';

/**
 * @param workers how many there will be
 * @param elapsedMs since the start
 */
export function progressOf(processes: readonly ProcessStatus[], workers: number, elapsedMs: number): StartProgress {
  const agent = processes.find(({ name }) => name === 'agent');
  const isReady = ({ state }: ProcessStatus): boolean => state === 'ready';
  return {
    agent: agent && (isReady(agent) ? 'ready' : 'starting'),
    agentTookMs: agent?.readyForMs === undefined ? undefined : elapsedMs - agent.readyForMs,
    workersReady: processes.filter((each) => each !== agent && isReady(each)).length,
    workers,
    elapsedMs,
  };
}

/**
 * What each process took, the slowest first. Workers begin when the agent is ready.
 * @param elapsedMs since the start
 */
export function stepsOf(processes: readonly ProcessStatus[], elapsedMs: number): Step[] {
  const readyAfterMs = ({ readyForMs }: ProcessStatus): number => elapsedMs - (readyForMs ?? 0);
  const agent = processes.find(({ name }) => name === 'agent');
  const workersBeginMs = agent ? readyAfterMs(agent) : 0;
  return processes
    .map((each) => ({ name: each.name, tookMs: Math.round(readyAfterMs(each) - (each === agent ? 0 : workersBeginMs)) }))
    .sort((one, other) => other.tookMs - one.tookMs);
}
