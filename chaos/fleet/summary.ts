// Figures of a fleet in the summary of a run.

import type { History } from '../history';
import { gapsOf } from './checks/gaps';
import { takeovers } from './checks/winners';

export function fleetSummary(history: History): [string, string][] {
  const lengths = takeovers(history).sort((a, b) => a - b);
  const gaps = gapsOf(history).map(({ from, to }) => to - from);
  const epochs = new Set(history.flatMap((entry) => (entry.kind === 'standing' && entry.state === 'winner' ? entry.epoch : [])));
  const [middle = 0, longest = 0] = [lengths[Math.floor(lengths.length / 2)], lengths.at(-1)];
  return [
    ['epochs', `${epochs.size}`],
    ['no upstream client', `${lengths.length} times, ${Math.round(middle)} ms in the middle, ${Math.round(longest)} ms at most`],
    ['longest silence', `${Math.round(Math.max(0, ...gaps))} ms without a fault that explains it`],
  ];
}
