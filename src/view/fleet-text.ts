// How a host stands in a fleet of hosts, in words. Pure.

import type { FleetView } from '../fleet-view';
import { formatDuration } from '../quantities';

const WHY = { engine: 'the engine is silent', winner: 'no host leads', upstream: 'the upstream client says so' } as const;

/** As `shop: member, host-b (pid 41) leads, epoch 3; values may be old for 4.0 s: the engine is silent`. @param now ms since 1970 */
export function fleetText({ group, state, epoch, winner, stale, staleSince }: FleetView, now: number): string {
  const led = state === 'member' && winner ? `, ${winner.host} (pid ${winner.pid}) leads` : '';
  const period = epoch > 0 && (state === 'winner' || state === 'member') ? `, epoch ${epoch}` : '';
  const age = staleSince === undefined ? '' : ` for ${formatDuration(Math.max(0, now - staleSince))}`;
  return `${group}: ${state}${led}${period}${stale ? `; values may be old${age}: ${WHY[stale]}` : ''}`;
}
