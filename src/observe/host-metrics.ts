// What the metrics say of a host, from views of the host (host-view.ts): names, help and samples in the terms of Prometheus. Names have
// base units, and what only grows ends in `_total`. docs/observing.md has the table of these metrics.

import type { ChannelView, ClientView, HostView, ProcessView } from '../host-view';
import { LATENCY_BUCKETS_MS } from '../latency-buckets';
import { RunningTotals, type Labels } from './running-totals';

export interface Sample {
  readonly labels: Labels;
  readonly value: number;
  /** Only for parts of a histogram. */
  readonly metricName?: string;
}

export interface HostMetric {
  readonly name: string;
  readonly help: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** What the last view says; counters and histograms say what all views did. */
  readonly samples: () => readonly Sample[];
}

type Measure = (view: HostView) => readonly Sample[];
type Count = (view: HostView) => Iterable<readonly [origin: string, labels: Labels, count: number]>;

/** Label values of states that a metric lists in full, so that an alert finds each of them at 0. */
const UPSTREAM_STATES = ['ok', 'degraded', 'connecting', 'unknown'] as const;

const GAUGES: readonly (readonly [name: string, help: string, measure: Measure])[] = [
  ['calls_under_way', 'Calls that wait for an answer.', ofClients(({ calls }) => calls.underWay)],
  ['clients', 'Open clients, by role; none: a leader is sought.', ofRoles],
  [
    'subscriptions',
    'Keys that processes subscribe; a key counts once for each process.',
    ofClients((client) => client.subscriptions),
  ],
  ['publications', 'Registrations that processes publish.', ofClients((client) => client.publications)],
  ['term', 'The number of the present period of leadership.', ofChannels(({ term }) => term, Math.max)],
  ['followers', 'Processes that their leader serves.', ofChannels(({ followers }) => followers.length)],
  ['keys', 'Keys that are subscribed at the upstream client.', ofChannels(({ keyCount }) => keyCount)],
  ['outbox_bytes', 'Bytes that wait in the leader until followers read.', ofFollowers(({ outboxBytes }) => outboxBytes)],
  ['outbox_lag_seconds', 'How long the oldest bytes of an outbox wait.', ofFollowers(({ lagMs }) => lagMs / 1_000, Math.max)],
  ['upstream_state', 'Upstream clients in each state.', ofUpstreamStates],
  ['upstream_connections', 'Upstream clients of this host.', ofChannels(({ leaderPid }) => (leaderPid === undefined ? 0 : 1))],
  ['upstream_connections_saved', 'Processes that use an upstream client of another process.', ofSaved],
  [
    'last_failover_duration_seconds',
    'How long the last change of leader took.',
    ofFailovers(({ durationMs }) => durationMs / 1_000),
  ],
  ['last_failover_timestamp_seconds', 'When the last change of leader ended, since 1970.', ofFailovers(({ at }) => at / 1_000)],
  ['processes', 'Processes, by kind and state.', ofProcessStates],
  ['process_resident_memory_bytes', 'Resident memory.', ofProcesses(({ memoryBytes }) => memoryBytes)],
  ['process_event_loop_delay_seconds', 'The longest delay of the event loop since the report before.', ofProcesses(loopDelayOf)],
  ['last_reload_duration_seconds', 'How long the last reload took.', ofLastReload],
];

const COUNTERS: readonly (readonly [name: string, help: string, count: Count])[] = [
  ['calls_total', 'Calls, by outcome: ok, or the code of the error.', callsOf],
  [
    'values_received_total',
    'Values that processes got; a value counts once for each process.',
    countOfClients((client) => client.valuesReceived),
  ],
  [
    'upstream_values_total',
    'Values that came from upstream clients.',
    countOfChannels(({ valuesFromUpstream }) => valuesFromUpstream),
  ],
  [
    'skipped_values_total',
    'Values that followers missed because newer ones came first.',
    countOfChannels(({ skippedValues }) => skippedValues),
  ],
  ['failovers_total', 'Changes of leader; each client counts its own.', countOfClients(({ failovers }) => failovers.count)],
  [
    'leaderless_seconds_total',
    'Time without a leader, of all clients.',
    countOfClients(({ failovers }) => failovers.totalMs / 1_000),
  ],
  ['restarts_total', 'Restarts of processes that ended without being asked to, by reason.', restartsOf],
  ['reloads_total', 'Reloads and restarts that somebody asked for, by outcome.', reloadsOf],
];

const DURATION = 'call_duration_seconds';
/** How many buckets the histograms of all channels have together at most. */
const MAX_BUCKETS = 20_000;

/** Keeps what has been counted, also by processes that are gone. */
export class HostMetrics {
  readonly all: readonly HostMetric[];
  #view: HostView | undefined;
  #isUp = false;
  readonly #counters = COUNTERS.map(([name, help, count]) => ({ name, help, count, totals: new RunningTotals() }));
  readonly #buckets = new RunningTotals(MAX_BUCKETS);
  readonly #durations = new RunningTotals();

  /** @param prefix before each name */
  constructor(prefix: string) {
    this.all = [
      {
        name: `${prefix}up`,
        help: 'Whether the source of these metrics has answered.',
        type: 'gauge',
        samples: () => [{ labels: {}, value: this.#isUp ? 1 : 0 }],
      },
      ...GAUGES.map(([name, help, measure]): HostMetric => ({
        name: prefix + name,
        help,
        type: 'gauge',
        samples: () => (this.#view ? measure(this.#view) : []),
      })),
      ...this.#counters.map(({ name, help, totals }): HostMetric => ({
        name: prefix + name,
        help,
        type: 'counter',
        samples: () => totals.all,
      })),
      {
        name: prefix + DURATION,
        help: 'How long answered calls took.',
        type: 'histogram',
        samples: () => this.#histogram(prefix + DURATION),
      },
    ];
  }

  /** @param view undefined: the source did not answer, and gauges say nothing */
  take(view: HostView | undefined): void {
    this.#view = view;
    this.#isUp = view !== undefined;
    if (!view) return;
    for (const { count, totals } of this.#counters) for (const one of count(view)) totals.add(...one);
    for (const { origin, client } of clientsOf(view)) {
      const { channel, calls } = client;
      this.#durations.add(origin, { channel }, calls.latency.sumMs / 1_000);
      calls.latency.counts.forEach((count, i) => this.#buckets.add(origin, { channel, le: boundOf(i) }, count));
    }
  }

  /** Buckets of a histogram are cumulative. */
  #histogram(name: string): Sample[] {
    return this.#durations.all.flatMap(({ labels, value: sum }) => {
      const counts = new Map(
        this.#buckets.all
          .filter((bucket) => bucket.labels.channel === labels.channel)
          .map((bucket) => [bucket.labels.le, bucket.value]),
      );
      let count = 0;
      const buckets = [...LATENCY_BUCKETS_MS, Infinity].map((_, i): Sample => {
        count += counts.get(boundOf(i)) ?? 0;
        return { metricName: `${name}_bucket`, labels: { ...labels, le: boundOf(i) }, value: count };
      });
      return [
        ...buckets,
        { metricName: `${name}_sum`, labels, value: sum },
        { metricName: `${name}_count`, labels, value: count },
      ];
    });
  }
}

function boundOf(bucket: number): string {
  const ms = LATENCY_BUCKETS_MS[bucket];
  return ms === undefined ? '+Inf' : String(ms / 1_000);
}

/** Each client with a name that no other client has, nor had. */
function clientsOf(view: HostView): { origin: string; client: ClientView }[] {
  return view.processes.flatMap(({ pid, clients }) =>
    clients.map((client, i) => ({ origin: client.id ?? `${pid} ${i} ${client.channel}`, client })),
  );
}

/** Clients of one name at different ports, or with other arguments, have one series. */
function byChannel(
  values: Iterable<readonly [channel: string, value: number]>,
  join = (a: number, b: number): number => a + b,
): Sample[] {
  const joined = new Map<string, number>();
  for (const [channel, value] of values) {
    const before = joined.get(channel);
    joined.set(channel, before === undefined ? value : join(before, value));
  }
  return [...joined].map(([channel, value]) => ({ labels: { channel }, value }));
}

function ofClients(value: (client: ClientView) => number): Measure {
  return (view) => byChannel(clientsOf(view).map(({ client }) => [client.channel, value(client)]));
}

function ofChannels(value: (channel: ChannelView) => number, join?: (a: number, b: number) => number): Measure {
  return ({ channels }) =>
    byChannel(
      channels.map((channel) => [channel.channel, value(channel)]),
      join,
    );
}

function ofFollowers(
  value: (follower: ChannelView['followers'][number]) => number,
  join = (a: number, b: number): number => a + b,
): Measure {
  return ofChannels(({ followers }) => followers.map(value).reduce((a, b) => join(a, b), 0), join);
}

function ofFailovers(value: (failover: NonNullable<ChannelView['lastFailover']>) => number): Measure {
  return ({ channels }) =>
    byChannel(
      channels.flatMap(({ channel, lastFailover }) => (lastFailover ? [[channel, value(lastFailover)] as const] : [])),
      Math.max,
    );
}

/** How many have the same labels. */
function counted(labels: readonly Labels[]): Sample[] {
  const counts = new Map<string, { labels: Labels; value: number }>();
  for (const each of labels) {
    const key = JSON.stringify(each);
    const count = counts.get(key) ?? { labels: each, value: 0 };
    count.value++;
    counts.set(key, count);
  }
  return [...counts.values()];
}

function ofRoles(view: HostView): Sample[] {
  return counted(clientsOf(view).map(({ client: { channel, role } }) => ({ channel, role: role ?? 'none' })));
}

function ofUpstreamStates({ channels }: HostView): Sample[] {
  const found = counted(channels.map(({ channel, upstream: { state } }) => ({ channel, state })));
  return [...new Set(channels.map(({ channel }) => channel))].flatMap((channel) =>
    UPSTREAM_STATES.map(
      (state) =>
        found.find(({ labels }) => labels.channel === channel && labels.state === state) ?? {
          labels: { channel, state },
          value: 0,
        },
    ),
  );
}

function ofSaved(view: HostView): Sample[] {
  const users = view.processes.flatMap(({ clients }) =>
    [...new Set(clients.map(({ channel }) => channel))].map((channel) => [channel, 1] as const),
  );
  const held = view.channels.flatMap(({ channel, leaderPid }) => (leaderPid === undefined ? [] : [[channel, -1] as const]));
  return byChannel([...users, ...held]).map(({ labels, value }) => ({ labels, value: Math.max(0, value) }));
}

/** `worker 3` is one of the kind `worker`. */
function ofProcessStates({ processes }: HostView): Sample[] {
  return counted(processes.map(({ name, state }) => ({ kind: name.replace(/ \d+$/, ''), state })));
}

function ofProcesses(value: (process: ProcessView) => number | undefined): Measure {
  return (view) =>
    view.processes.flatMap((process) => {
      const measured = value(process);
      return measured === undefined ? [] : [{ labels: { process: nameOf(view, process) }, value: measured }];
    });
}

/** Processes without a supervisor have no names of their own. */
function nameOf({ application, processes }: HostView, { name, pid }: ProcessView): string {
  return application || processes.length === 1 ? name : `${name} ${pid}`;
}

function loopDelayOf({ eventLoopDelayMs }: ProcessView): number | undefined {
  return eventLoopDelayMs === undefined ? undefined : eventLoopDelayMs / 1_000;
}

function ofLastReload({ application }: HostView): Sample[] {
  const ms = application?.reloads.lastDurationMs;
  return ms === undefined ? [] : [{ labels: {}, value: ms / 1_000 }];
}

function countOfClients(value: (client: ClientView) => number): Count {
  return (view) => clientsOf(view).map(({ origin, client }) => [origin, { channel: client.channel }, value(client)]);
}

function countOfChannels(value: (channel: ChannelView) => number): Count {
  return ({ channels }) =>
    channels.map((channel) => {
      const { leaderPid, port, term } = channel;
      return [`${leaderPid} ${port} ${term}`, { channel: channel.channel }, value(channel)];
    });
}

function* callsOf(view: HostView): ReturnType<Count> {
  for (const { origin, client } of clientsOf(view)) {
    for (const [method, { ok, failed }] of Object.entries(client.calls.methods)) {
      const labels = { channel: client.channel, method };
      yield [origin, { ...labels, outcome: 'ok' }, ok];
      for (const [code, count] of Object.entries(failed)) yield [origin, { ...labels, outcome: code }, count];
    }
  }
}

function restartsOf({ application }: HostView): ReturnType<Count> {
  return Object.entries(application?.crashes ?? {}).map(([reason, count]) => [applicationOf(application), { reason }, count]);
}

function reloadsOf({ application }: HostView): ReturnType<Count> {
  if (!application) return [];
  const { ok, failed } = application.reloads;
  const origin = applicationOf(application);
  return [
    [origin, { outcome: 'ok' }, ok],
    [origin, { outcome: 'failed' }, failed],
  ];
}

/** Another master begins to count anew. */
function applicationOf(application: HostView['application']): string {
  return `application ${application?.startedAt}`;
}
