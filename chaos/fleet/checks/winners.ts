// A single upstream client in the whole fleet. Two at a time are legitimate for a moment in a takeover, while one of the two processes does
// not run, and while the first hands over.

import type { Violation } from '../../checks/violation';
import { overlapsOf, type Overlap } from '../../checks/upstreams';
import type { EntryOf, History } from '../../history';
import { FLEET_CHANNEL } from '../plan';

export function checkWinners(history: History): Violation[] {
  return fleetOverlaps(history)
    .filter(({ ranMs, limitMs }) => ranMs > limitMs)
    .map(({ first, second, from, to, ranMs, limitMs }) => ({
      promise: 'one upstream client',
      what: `the fleet had two upstream clients, process ${first.pid} and ${second.pid}, at a time for ${Math.round(ranMs)} ms in which both ran; ${limitMs} are allowed`,
      from,
      to,
      about: { pids: [first.pid, second.pid], channel: FLEET_CHANNEL.name },
    }));
}

export function fleetOverlaps(history: History): Overlap[] {
  return overlapsOf(history, [FLEET_CHANNEL]);
}

/** How long the fleet had no upstream client, each time that the next upstream client is in another process, ms. */
export function takeovers(history: History): number[] {
  const open = new Map<number, EntryOf<'upstream-on'>>();
  const lengths: number[] = [];
  let last: { readonly pid: number; readonly at: number } | undefined;
  for (const entry of history) {
    if (entry.kind === 'upstream-on') {
      if (open.size === 0 && last && last.pid !== entry.pid) lengths.push(entry.at - last.at);
      open.set(entry.connection, entry);
    } else if (entry.kind === 'upstream-off') {
      open.delete(entry.connection);
      last = entry;
    }
  }
  return lengths;
}
