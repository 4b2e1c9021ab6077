// The channels of the shared clients as a table: who leads, who follows, and how the upstream client stands. Pure.

import type { ChannelView, HostView } from '../../host-view';
import { formatBytes, formatDuration } from '../../quantities';
import { fleetText } from '../../view/fleet-text';
import type { Output, Style } from './output';
import { aligned } from './table';

const COLUMNS = ['CHANNEL', 'LEADER', 'TERM', 'FOLLOWERS', 'KEYS', 'VALUES', 'UPSTREAM', 'LAST FAILOVER'] as const;
const RIGHT: ReadonlySet<string> = new Set(['TERM', 'FOLLOWERS', 'KEYS', 'VALUES']);

const STYLE_OF: Readonly<Record<ChannelView['upstream']['state'], Style>> = {
  ok: 'green',
  degraded: 'red',
  connecting: 'yellow',
  unknown: 'dim',
};

/** @returns undefined when no process has a shared client */
export function channelsTable({ channels, processes, at }: HostView, { style }: Pick<Output, 'style'>): string | undefined {
  if (channels.length === 0) return undefined;
  const nameOf = new Map(processes.map(({ pid, name }) => [pid, name]));
  const [heading, ...rows] = aligned(
    COLUMNS,
    RIGHT,
    channels.map((channel) => cellsOf(channel, nameOf, at)),
  );
  const upstreamColumn = COLUMNS.indexOf('UPSTREAM');
  const table = rows.map((cells, row) => {
    cells[upstreamColumn] = style(STYLE_OF[channels[row]!.upstream.state], cells[upstreamColumn]!);
    return cells.join('  ').trimEnd();
  });
  const notes = channels.flatMap((channel) => [
    ...slowFollowers(channel, nameOf),
    ...upstreamError(channel),
    ...fleetNotes(channel, at),
  ]);
  return [style('dim', heading!.join('  ').trimEnd()), ...table, ...notes].join('\n');
}

function cellsOf(channel: ChannelView, nameOf: ReadonlyMap<number | undefined, string>, now: number): string[] {
  const { leaderPid, term, followers, keyCount, valuesFromUpstream, upstream, lastFailover } = channel;
  const since = upstream.since === undefined ? '' : ` for ${formatDuration(Math.max(0, now - upstream.since))}`;
  return [
    channel.channel,
    leaderPid === undefined ? '-' : processName(leaderPid, nameOf),
    String(term),
    String(followers.length),
    String(keyCount),
    String(valuesFromUpstream),
    `${upstream.state}${since}`,
    lastFailover ? `${formatDuration(now - lastFailover.at)} ago, ${lastFailover.durationMs} ms: ${lastFailover.cause}` : '-',
  ];
}

function processName(pid: number, nameOf: ReadonlyMap<number | undefined, string>): string {
  const name = nameOf.get(pid);
  return name === undefined || name === 'process' ? `pid ${pid}` : `${name} (${pid})`;
}

function slowFollowers({ channel, followers }: ChannelView, nameOf: ReadonlyMap<number | undefined, string>): string[] {
  return followers
    .filter(({ outboxBytes, lagMs, skippedValues }) => skippedValues > 0 || (outboxBytes > 0 && lagMs > 1_000))
    .map(({ pid, outboxBytes, lagMs, skippedValues }) => {
      const who = pid === undefined ? 'a follower' : processName(pid, nameOf);
      const waiting = outboxBytes > 0 ? `${formatBytes(outboxBytes)} wait for ${formatDuration(lagMs)}` : 'caught up';
      return `${channel}: ${who} reads slowly: ${waiting}, ${skippedValues} values skipped`;
    });
}

function upstreamError({ channel, upstream }: ChannelView): string[] {
  return upstream.error === undefined ? [] : [`${channel}: upstream: ${upstream.error.split('\n', 1)[0]}`];
}

function fleetNotes({ channel, fleet }: ChannelView, now: number): string[] {
  if (!fleet) return [];
  const warnings = fleet.engine.warnings.map((warning) => `${channel}: fleet ${fleet.group}: ${warning}`);
  return [`${channel}: fleet ${fleetText(fleet, now)}`, ...warnings];
}
