// The shortest piece of a history that shows a violation: what happened to the processes in question, and the faults meanwhile.

import type { History, HistoryEntry } from '../history';
import { calmsOf, endOf } from './intervals';
import type { Violation } from './violation';

/** Time before the interval, ms: a failover that has just happened belongs to the violation. */
const LEAD_MS = 1_000;
const MOST_LINES = 60;

export function excerpt(history: History, violation: Violation, startedAt: number): string[] {
  const lines = concerned(history, violation).map((entry) => line(entry, startedAt));
  if (lines.length <= MOST_LINES) return lines;
  const half = MOST_LINES / 2;
  return [...lines.slice(0, half), `… ${lines.length - MOST_LINES} more …`, ...lines.slice(-half)];
}

function concerned(history: History, { from, to, about }: Violation): HistoryEntry[] {
  const calms = calmsOf(history);
  const begin = from - LEAD_MS;
  // Leaders of the channel in the interval belong to the violation too.
  const pids = new Set(about.pids);
  for (const entry of history) {
    if (entry.kind.startsWith('upstream-') && 'channel' in entry && entry.channel === about.channel && entry.at <= to) {
      if (entry.at >= begin || isLastBefore(history, entry, begin)) pids.add((entry as { pid: number }).pid);
    }
  }
  return history.filter((entry) => {
    if (entry.at > to) return false;
    if (entry.kind === 'fault') {
      const isMeanwhile = endOf(entry, calms) >= begin;
      const isOfChannel = entry.channel === undefined || entry.channel === about.channel;
      return isMeanwhile && isOfChannel && (entry.pid === undefined || pids.has(entry.pid));
    }
    if (about.call !== undefined && 'call' in entry && entry.call === about.call) return true;
    if (about.stream !== undefined && 'stream' in entry && entry.stream === about.stream) return true;
    if (entry.at < begin) return false;
    switch (entry.kind) {
      case 'calm':
      case 'storm':
        return true;
      case 'started':
      case 'exited':
      case 'unhandled':
      case 'telemetry':
        return pids.has(entry.pid);
      case 'memory':
        return false;
      case 'upstream-on':
      case 'upstream-off':
        return entry.channel === about.channel;
      case 'subscribed':
      case 'unsubscribed':
      case 'delivered':
        return entry.subscription === about.subscription;
      case 'called':
      case 'settled':
      case 'journal':
        return entry.call === about.call;
      case 'stream-began':
      case 'stream-rows':
      case 'stream-ended':
      case 'generator':
        return entry.stream === about.stream;
      case 'published':
      case 'unpublished':
        return entry.name === about.publication;
      case 'created':
      case 'closing':
      case 'closed':
      case 'role':
      case 'error':
      case 'log':
      case 'after-close':
        return entry.channel === about.channel && (about.clients?.includes(entry.client) ?? pids.has(entry.pid));
      default:
        return false;
    }
  });
}

/** Whether no entry of the kind and channel comes between this entry and the moment. */
function isLastBefore(history: History, entry: HistoryEntry, moment: number): boolean {
  const { channel } = entry as { channel: string };
  return !history.some(
    (other) =>
      other.kind === entry.kind &&
      other.at > entry.at &&
      other.at < moment &&
      (other as { channel?: string }).channel === channel,
  );
}

/** An entry as a line. */
export function line(entry: HistoryEntry, startedAt: number): string {
  const { at, kind, pid, channel, ...facts } = entry as {
    at: number;
    kind: string;
    pid?: number;
    channel?: string;
    until?: number;
  };
  const { until, ...rest } = facts;
  const forMs = until !== undefined && until > at ? { forMs: Math.round(until - at) } : {};
  const text = Object.entries({ ...rest, ...forMs })
    .filter(([, value]) => value !== undefined && (value as unknown) !== '')
    .map(([name, value]) => `${name}=${typeof value === 'number' ? Math.round(value) : String(value)}`)
    .join(' ');
  const where = [pid === undefined ? '' : `process ${pid}`, channel ?? ''].filter(Boolean).join(' ');
  return `${`+${((at - startedAt) / 1_000).toFixed(3)}`.padStart(9)} s  ${where.padEnd(24)} ${kind.padEnd(12)} ${text}`.trimEnd();
}
