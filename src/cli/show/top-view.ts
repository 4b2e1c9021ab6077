// What `trunkline top` shows: the same as the dashboard, on a terminal. Pure.

import type { ChannelView, HostEvent, HostView, ProcessView } from '../../host-view';
import { fleetText } from '../../view/fleet-text';
import { formatBytes, formatDuration, formatLatency, formatRate } from '../../quantities';
import { channelId, NO_RATE, type HostRates, type HostSample } from '../../view/host-rates';
import { connectionsOf, isFine, isLooping, roleText } from '../../view/host-summary';
import type { Output, Style } from './output';
import { sparkline } from './sparkline';
import { aligned } from './table';

export interface TopState {
  readonly name: string;
  readonly view: HostView | undefined;
  readonly rates: HostRates | undefined;
  /** The points of the last minutes, the oldest first. */
  readonly points: readonly HostSample[];
  readonly order: Order;
  /** Why there is no newer view. */
  readonly lost: string | undefined;
}

/** What the processes are sorted by; the names in the order of the view. */
export type Order = 'calls' | 'memory' | 'name';

export interface Size {
  readonly columns: number;
  /** Undefined: as many as there are. */
  readonly rows: number | undefined;
}

interface Line {
  readonly text: string;
  readonly format?: Style | undefined;
}

const CHANNEL_COLUMNS = ['CHANNEL', 'LEADER', 'TERM', 'UPSTREAM', 'FOLLOWERS', 'KEYS', 'CALLS/S', 'VALUES/S', 'WAITING'] as const;
const PROCESS_COLUMNS = [
  'NAME',
  'PID',
  'STATE',
  'ROLE',
  'CALLS/S',
  'VALUES/S',
  'MEMORY',
  'LOOP DELAY',
  'RESTARTS',
  'READY FOR',
] as const;
/** Columns of numbers, aligned at the right. */
const RIGHT: ReadonlySet<string> = new Set([
  ...['TERM', 'FOLLOWERS', 'KEYS', 'CALLS/S', 'VALUES/S', 'WAITING'],
  ...['PID', 'MEMORY', 'LOOP DELAY', 'RESTARTS', 'READY FOR'],
]);
/** How many lines of a terminal the channels and the events take at most. */
const MAX_CHANNELS = 8;
const MAX_EVENTS = 5;
const MAX_NAME = 32;
const HELP = 'q quit · sort by: c calls, m memory, n name';

/** @returns lines that fit the size */
export function topLines(state: TopState, { columns, rows }: Size, out: Pick<Output, 'style'>): string[] {
  const { view, lost } = state;
  const loss: Line[] = lost === undefined ? [] : [{ text: `no data: ${lost}; trying again …`, format: 'red' }];
  const head = view ? headOf(state, view, columns) : [{ text: state.name, format: 'bold' as const }];
  if (!view) return fitted([...head, ...loss], columns, rows, out);
  const channels = channelLines(state, view);
  const foot = rows === undefined ? [] : [{ text: HELP, format: 'dim' as const }];
  const processes = processLines(state, view);
  // Where there is little room, events go first.
  const spare =
    rows === undefined ? MAX_EVENTS : rows - head.length - loss.length - channels.length - foot.length - processes.length - 1;
  const events = eventLines(view.events, Math.min(MAX_EVENTS, spare));
  const others = head.length + loss.length + channels.length + events.length + foot.length;
  const room = rows === undefined ? processes.length : Math.max(2, rows - others);
  const hidden = processes.length - room;
  const shown = hidden > 0 ? [...processes.slice(0, room - 1), { text: `… and ${hidden + 1} more` }] : processes;
  return fitted([...head, ...loss, ...channels, ...shown, ...events, ...foot], columns, rows, out);
}

function headOf({ name, rates, points }: TopState, view: HostView, columns: number): Line[] {
  const { application, at, host } = view;
  const facts = application
    ? [
        `${application.state} for ${formatDuration(Math.max(0, at - application.startedAt))}`,
        ...(application.address === undefined ? [] : [application.address]),
      ]
    : ['processes without a supervisor'];
  const { led, saved } = connectionsOf(view);
  const sample = rates?.sample;
  const calls = `calls  ${formatRate(sample?.callsPerS ?? 0).padStart(7)}/s`;
  const values = `values ${formatRate(sample?.valuesPerS ?? 0).padStart(7)}/s`;
  const latency = `p50 ${formatLatency(sample?.p50Ms)} · p99 ${formatLatency(sample?.p99Ms)} · ${formatRate(sample?.failedPerS ?? 0)}/s fail`;
  const backlog = `${formatBytes(sample?.outboxBytes ?? 0)} wait for followers · ${led} upstream connections, ${saved} saved`;
  // Both lines of bars begin in the same column.
  const width = Math.max(latency.length, backlog.length);
  const series = (text: string, facts_: string, of: (point: HostSample) => number): Line => {
    const start = `${text}  ${facts_.padEnd(width)}  `;
    return { text: start + sparkline(points.map(of), Math.max(0, columns - start.length)) };
  };
  return [
    { text: [name, ...facts, `on ${host}`, new Date(at).toLocaleTimeString('en-GB')].join(' · '), format: 'bold' },
    series(calls, latency, ({ callsPerS }) => callsPerS),
    series(values, backlog, ({ valuesPerS }) => valuesPerS),
  ];
}

function channelLines({ rates }: TopState, view: HostView): Line[] {
  const { channels, processes } = view;
  if (channels.length === 0) return [{ text: '' }, { text: 'no process uses a shared client yet', format: 'dim' }];
  const nameOf = new Map(processes.map(({ pid, name }) => [pid, name === 'process' ? `pid ${pid}` : `${name} ${pid}`]));
  const rateOf = (channel: ChannelView): number => {
    const { callsPerS, valuesPerS } = rates?.byChannel.get(channelId(channel)) ?? NO_RATE;
    return callsPerS + valuesPerS;
  };
  const sorted = [...channels].sort((one, other) => rateOf(other) - rateOf(one));
  const shown = sorted.slice(0, MAX_CHANNELS);
  const cells = shown.map((channel) => {
    const { leaderPid, term, upstream, followers, keyCount } = channel;
    const { callsPerS, valuesPerS } = rates?.byChannel.get(channelId(channel)) ?? NO_RATE;
    const waiting = followers.reduce((sum, { outboxBytes }) => sum + outboxBytes, 0);
    return [
      channel.channel.slice(0, MAX_NAME),
      leaderPid === undefined ? 'none' : (nameOf.get(leaderPid) ?? `pid ${leaderPid}`),
      ...[String(term), upstream.state, String(followers.length), String(keyCount)],
      ...[formatRate(callsPerS), formatRate(valuesPerS), formatBytes(waiting)],
    ];
  });
  const formats = shown.map(({ leaderPid, upstream: { state } }): Style | undefined =>
    leaderPid === undefined || state === 'degraded' ? 'red' : state === 'connecting' ? 'yellow' : undefined,
  );
  const more = channels.length > shown.length ? [{ text: `… and ${channels.length - shown.length} more` }] : [];
  const fleets = shown.flatMap(({ channel, fleet }): Line[] =>
    fleet
      ? [{ text: `${channel.slice(0, MAX_NAME)}: fleet ${fleetText(fleet, view.at)}`, format: fleet.stale ? 'yellow' : 'dim' }]
      : [],
  );
  return [{ text: '' }, ...tableOf(CHANNEL_COLUMNS, cells, formats), ...more, ...fleets];
}

function processLines({ rates, order }: TopState, { processes }: HostView): Line[] {
  const rateOf = ({ pid }: ProcessView): { callsPerS: number; valuesPerS: number } => rates?.byPid.get(pid ?? 0) ?? NO_RATE;
  const by: Record<Order, (process: ProcessView) => number> = {
    calls: (process) => rateOf(process).callsPerS,
    memory: ({ memoryBytes }) => memoryBytes ?? 0,
    name: () => 0,
  };
  const sorted = [...processes].sort((one, other) => by[order](other) - by[order](one)); // equal ones stay in their order
  const cells = sorted.map((process) => [
    process.name,
    String(process.pid ?? '-'),
    process.state,
    roleText(process),
    formatRate(rateOf(process).callsPerS),
    formatRate(rateOf(process).valuesPerS),
    process.memoryBytes === undefined ? '-' : formatBytes(process.memoryBytes),
    process.eventLoopDelayMs === undefined ? '-' : `${Math.round(process.eventLoopDelayMs)} ms`,
    String(process.restarts),
    process.readyForMs === undefined ? '-' : formatDuration(process.readyForMs),
  ]);
  const formats = sorted.map(({ state }): Style | undefined => (isLooping(state) ? 'red' : isFine(state) ? undefined : 'yellow'));
  return [{ text: '' }, ...tableOf(PROCESS_COLUMNS, cells, formats)];
}

function eventLines(events: readonly HostEvent[], count: number): Line[] {
  const latest = count > 0 ? events.slice(-count).reverse() : [];
  if (latest.length === 0) return [];
  const lines = latest.map(({ at, kind, subject, text, durationMs }) => {
    const took = durationMs === undefined ? '' : ` (${formatLatency(durationMs)})`;
    const isBad = kind === 'crash' || kind === 'crash loop' || kind === 'failover';
    return {
      text: `${new Date(at).toLocaleTimeString('en-GB')}  ${kind.padEnd(10)} ${subject}: ${text}${took}`,
      format: isBad ? ('red' as const) : undefined,
    };
  });
  return [{ text: '' }, ...lines];
}

function tableOf(
  columns: readonly string[],
  cells: readonly (readonly string[])[],
  formats: readonly (Style | undefined)[],
): Line[] {
  const [heading, ...rows] = aligned(columns, RIGHT, cells);
  return [
    { text: heading!.join('  '), format: 'dim' },
    ...rows.map((row, i) => ({ text: row.join('  ').trimEnd(), format: formats[i] })),
  ];
}

function fitted(lines: readonly Line[], columns: number, rows: number | undefined, out: Pick<Output, 'style'>): string[] {
  return lines.slice(0, rows).map(({ text, format }) => {
    // What processes say must not move the cursor.
    const clipped = [...text.replaceAll(/\p{Cc}/gu, ' ')].slice(0, columns).join('');
    return format === undefined || clipped === '' ? clipped : out.style(format, clipped);
  });
}
