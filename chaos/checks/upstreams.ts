// An upstream client for each channel. Two at a time are legitimate for a moment after a kill, during a hand-off, and while one
// of the two does not run and can neither close nor notice anything. On the common port two are also legitimate while any process
// there does not run, which may be the port holder. On a port of a single channel a stopped leader holds the port, and succession
// is impossible unless the close had begun.

import type { ChannelPlan } from '../channels';
import type { EntryOf, History, HistoryEntry } from '../history';
import { lengthWithout, pausesOf, type Interval } from './intervals';
import type { Violation } from './violation';

/** Running time that two may overlap after a kill or a change of leader, ms. */
export const OVERLAP_MS = 1_000;
/** The longest legitimate overlap when the earlier leader hands over, ms. */
export const HANDOVER_MS = 3_000;
/** Signals and news of connections may be reported out of order by this much, ms. */
const SIGNAL_MS = 50;

interface Connected extends Interval {
  readonly pid: number;
  readonly channel: string;
}

export interface Overlap extends Interval {
  readonly first: Connected;
  readonly second: Connected;
  /** Time without the pauses of the two, or on the common port of any process, ms. */
  readonly ranMs: number;
  readonly limitMs: number;
  /** The first was stopped when the second came, and had not begun to close. */
  readonly isWhileStopped: boolean;
}

export function checkUpstreams(history: History, channels: readonly ChannelPlan[]): Violation[] {
  const violations: Violation[] = [];
  for (const { first, second, from, to, ranMs, limitMs, isWhileStopped } of overlapsOf(history, channels)) {
    const isAlone = channels.find(({ name }) => name === first.channel)?.port !== 'common';
    const violated = (what: string): void => {
      const { channel } = first;
      const pids = [...new Set([first.pid, second.pid])];
      const sentence = `${channel} had two upstream clients, process ${pids.join(' and ')}, ${what}`;
      const about = { pids, channel };
      violations.push({ promise: 'one upstream client', what: sentence, from, to, about });
    };
    if (ranMs > limitMs) violated(`at a time for ${Math.round(ranMs)} ms in which both ran; ${limitMs} are allowed`);
    else if (isAlone && isWhileStopped) violated('although the first was stopped and held the port');
  }
  return violations;
}

/** All moments with two upstream clients of a channel. */
export function overlapsOf(history: History, channels: readonly ChannelPlan[]): Overlap[] {
  const pauses = pausesOf(history);
  const pausesOfPid = (pid: number): readonly Interval[] => pauses.get(pid) ?? [];
  const closings = history.filter(isClosing);
  const kills = history.filter((entry): entry is EntryOf<'fault'> => entry.kind === 'fault' && entry.fault === 'kill');
  const overlaps: Overlap[] = [];
  const open: Connected[] = [];
  for (const second of connectionsOf(history)) {
    for (const first of open) {
      const from = second.from;
      const to = Math.min(first.to, second.to);
      if (first.channel !== second.channel || to <= from) continue;
      const handsOver =
        first.pid !== second.pid &&
        closings.some(
          ({ pid, channel = first.channel, at }) =>
            pid === first.pid && channel === first.channel && at >= first.from && at <= to,
        );
      const isShared = channels.find(({ name }) => name === first.channel)?.port === 'common';
      const isKilled = kills.some(({ pid, at }) => pid === first.pid && at <= from + SIGNAL_MS);
      const isStopped = pausesOfPid(first.pid).some((pause) => pause.from + SIGNAL_MS < from && from < pause.to - SIGNAL_MS);
      overlaps.push({
        first,
        second,
        from,
        to,
        ranMs: lengthWithout(
          { from, to },
          isShared ? [...pauses.values()].flat() : [...pausesOfPid(first.pid), ...pausesOfPid(second.pid)],
        ),
        limitMs: handsOver || isStopped ? HANDOVER_MS : OVERLAP_MS,
        isWhileStopped: isStopped && !handsOver && !isKilled,
      });
    }
    open.push(second);
  }
  return overlaps;
}

/** That a user closes a client, or was told to: a member that is stopped at once cannot tell any more. */
function isClosing(entry: HistoryEntry): entry is EntryOf<'closing'> | EntryOf<'fault'> {
  return entry.kind === 'closing' || (entry.kind === 'fault' && ['renew', 'leave'].includes(entry.fault));
}

/** Which process had an upstream client of which channel, and when, in the order of beginnings. */
function connectionsOf(history: History): Connected[] {
  const ends = new Map<number, number>();
  for (const entry of history) if (entry.kind === 'upstream-off') ends.set(entry.connection, entry.at);
  const latest = history.at(-1)?.at ?? 0;
  return history
    .filter((entry): entry is EntryOf<'upstream-on'> => entry.kind === 'upstream-on')
    .map(({ at, pid, channel, connection }) => ({ pid, channel, from: at, to: ends.get(connection) ?? latest }));
}
