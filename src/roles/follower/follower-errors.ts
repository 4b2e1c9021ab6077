// The errors of calls and streams that a follower cannot send, or that get no answer.

import { TrunklineError } from '../../errors';

export function leaderLost(channel: string, method: string, cause: Error | undefined): TrunklineError {
  const why = cause ? ` (${cause.message})` : '';
  const message = `${channel}: the leader was lost while ${method} was under way${why}; it may have run`;
  return new TrunklineError('ERR_TRUNKLINE_LEADER_LOST', message, { channel, method, cause });
}

export function closedDuring(channel: string, method: string): TrunklineError {
  const message = `${channel}: the client was closed while ${method} was under way`;
  return new TrunklineError('ERR_TRUNKLINE_CLOSED', message, { channel, method });
}

/** What waits for the leader. */
export interface Backlog {
  readonly outboxBytes: number;
  readonly maxOutboxBytes: number;
  readonly waitingCalls: number;
  readonly streams: number;
}

export function tooMuchWaits(channel: string, method: string, backlog: Backlog): TrunklineError {
  const figures = Object.entries(backlog).map(([name, value]) => `${name}=${value}`);
  const message = `${channel}: ${method} was not sent, because too much waits for the leader: ${figures.join(' ')}; try again later`;
  return new TrunklineError('ERR_TRUNKLINE_BUSY', message, { channel, method, ...backlog });
}
