// The channels of a host, from the reports of its processes: each leader with its followers. Pure.

import type { ChannelView, FollowerView, HostView, ProcessView } from '../host-view';
import type { ClientReport, LedReport, ProcessReport } from '../process-report';

interface Placed extends ClientReport {
  readonly pid: number;
}

/** @param now ms since 1970 */
export function channelsOf(reports: readonly ProcessReport[], now: number): ChannelView[] {
  const clients: Placed[] = reports.flatMap(({ pid, clients: all }) => all.map((client) => ({ ...client, pid })));
  const pidByPort = new Map<number, number>();
  for (const { localPort, pid } of clients) if (localPort !== undefined) pidByPort.set(localPort, pid);
  const led = new Map<string, ChannelView>();
  for (const client of clients) {
    if (!client.led) continue;
    const key = `${client.pid} ${client.led.id}`;
    if (!led.has(key)) led.set(key, ledChannel(client, client.led, pidByPort, clients, now));
  }
  const channels = [...led.values()];
  for (const { view } of clients) {
    if (channels.some(({ channel, port }) => channel === view.channel && port === view.port)) continue;
    channels.push(leaderless(view.channel, view.port, clients));
  }
  return channels.sort((a, b) => compare(a.channel, b.channel) || (a.port ?? 0) - (b.port ?? 0));
}

function ledChannel(
  { pid, view }: Placed,
  led: LedReport,
  pidByPort: ReadonlyMap<number, number>,
  clients: readonly Placed[],
  now: number,
): ChannelView {
  const { upstream, fleet, keyCount, publications, valuesFromUpstream, skippedValues } = led;
  const followers = led.followers.map(({ remotePort, ...follower }): FollowerView => ({
    pid: pidByPort.get(remotePort ?? 0),
    ...follower,
  }));
  const keys = [...(led.keys ?? [])]
    .sort((a, b) => compare(a.key, b.key))
    .map(({ at, ...key }) => ({ ...key, ageMs: at === undefined ? undefined : Math.max(0, now - at) }));
  return {
    channel: view.channel,
    port: view.port,
    leaderPid: pid,
    term: view.term,
    upstream,
    fleet,
    followers,
    keys,
    keyCount,
    publications,
    valuesFromUpstream,
    skippedValues,
    lastFailover: lastFailoverOf(clients.filter(({ view: { channel, port } }) => channel === view.channel && port === view.port)),
  };
}

/** A channel whose leader is unknown, because the leader is gone, or did not report. */
function leaderless(channel: string, port: number | undefined, clients: readonly Placed[]): ChannelView {
  const own = clients.filter(({ view }) => view.channel === channel && view.port === port);
  return {
    channel,
    port,
    leaderPid: undefined,
    term: Math.max(...own.map(({ view }) => view.term)),
    upstream: { state: 'unknown', since: undefined, error: undefined },
    followers: [],
    keys: [],
    keyCount: 0,
    publications: 0,
    valuesFromUpstream: 0,
    skippedValues: 0,
    lastFailover: lastFailoverOf(own),
  };
}

function lastFailoverOf(clients: readonly Placed[]): ChannelView['lastFailover'] {
  const all = clients.flatMap(({ view }) => view.failovers.last ?? []);
  return all.sort((a, b) => a.at - b.at).at(-1);
}

/** Only what concerns the clients that meet at a port. */
export function reportsAt(port: number, reports: readonly ProcessReport[]): ProcessReport[] {
  return reports
    .map((report) => ({ ...report, clients: report.clients.filter(({ view }) => view.port === port) }))
    .filter(({ clients }) => clients.length > 0);
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The view of processes that no supervisor tells of. */
export function viewOfProcesses(reports: readonly ProcessReport[], host: string, now: number): HostView {
  const processes = [...reports]
    .sort((a, b) => a.pid - b.pid)
    .map(({ pid, clients }): ProcessView => ({
      pid,
      name: 'process',
      state: 'running',
      readyForMs: undefined,
      restarts: 0,
      lastEnd: undefined,
      memoryBytes: undefined,
      eventLoopDelayMs: undefined,
      clients: clients.map(({ view }) => view),
    }));
  return {
    source: 'port holder',
    at: now,
    host,
    application: undefined,
    processes,
    channels: channelsOf(reports, now),
    events: [],
  };
}
