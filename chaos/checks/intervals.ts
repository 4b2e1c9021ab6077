// Stretches of time, and the stretches in which a process did not run.

import type { EntryOf, History } from '../history';

export interface Interval {
  readonly from: number;
  readonly to: number;
}

/** When faults ended: by plan, or with the next calm, which ends all faults. */
export function endOf(fault: EntryOf<'fault'>, calms: readonly number[]): number {
  return Math.min(fault.until, calms.find((at) => at > fault.at) ?? Infinity);
}

export function calmsOf(history: History): number[] {
  return history.filter(({ kind }) => kind === 'calm').map(({ at }) => at);
}

/** When a process was stopped, or the event loop blocked, by a fault. */
export function pausesOf(history: History): Map<number, Interval[]> {
  const calms = calmsOf(history);
  const pauses = new Map<number, Interval[]>();
  for (const entry of history) {
    if (entry.kind !== 'fault' || entry.pid === undefined || !['stop', 'block'].includes(entry.fault)) continue;
    // A block ends only by plan.
    const to = entry.fault === 'block' ? entry.until : endOf(entry, calms);
    pauses.set(entry.pid, [...(pauses.get(entry.pid) ?? []), { from: entry.at, to }]);
  }
  return pauses;
}

/** How much of an interval is in none of the others, ms. */
export function lengthWithout({ from, to }: Interval, others: readonly Interval[]): number {
  let length = 0;
  let reached = from;
  for (const other of [...others].sort((a, b) => a.from - b.from)) {
    if (other.to <= reached) continue;
    if (other.from >= to) break;
    length += Math.max(0, other.from - reached);
    reached = other.to;
  }
  return length + Math.max(0, to - reached);
}
