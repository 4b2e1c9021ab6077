// metrics(): what Prometheus reads of a host, from views as a supervisor gives them, and of this process.

import { readFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { Registry } from 'prom-client';
import cluster from '../../src';
import type { ChannelView, ClientView, HostView, ProcessView } from '../../src/host-view';
import { LATENCY_BUCKETS_MS } from '../../src/latency-buckets';
import { metrics, startMetricsServer } from '../../src/observe';
import { upstreamClass } from '../support/fake-upstream';
import { samplesOf } from '../support/prometheus';
import { recordingLogger } from '../support/recording-logger';

interface Scripted {
  readonly ok?: number;
  readonly failed?: Record<string, number>;
  readonly method?: string;
  readonly channel?: string;
}

const never = LATENCY_BUCKETS_MS.map(() => 0).concat(0);
const upstream = { state: 'ok', since: 1, error: undefined } as const;

/** A client whose calls all took 2 ms. */
function client(id: string, { ok = 0, failed = {}, method = 'get', channel = 'prices' }: Scripted = {}): ClientView {
  const count = ok + Object.values(failed).reduce((a, b) => a + b, 0);
  const latency = { sumMs: count * 2, counts: never.map((_, i) => (LATENCY_BUCKETS_MS[i] === 2.5 ? count : 0)) };
  return {
    id,
    channel,
    state: 'ready',
    role: 'follower',
    term: 1,
    port: 7777,
    reason: undefined,
    subscriptions: 2,
    publications: 1,
    calls: { ok, failed, underWay: 1, methods: { [method]: { ok, failed } }, latency },
    valuesReceived: 10,
    upstream,
    failovers: { count: 1, totalMs: 250, last: undefined },
  };
}

function process_(name: string, pid: number, ...clients: ClientView[]): ProcessView {
  const readyForMs = 1;
  return {
    pid,
    name,
    state: 'ready',
    readyForMs,
    restarts: 0,
    lastEnd: undefined,
    memoryBytes: 1_000,
    eventLoopDelayMs: 12,
    clients,
  };
}

const followers = [10, 20].map((lagMs) => ({ pid: undefined, outboxBytes: 100, lagMs, skippedValues: 0, lastHeardMs: 1 }));
const prices: ChannelView = {
  channel: 'prices',
  port: 7777,
  leaderPid: 2,
  term: 3,
  upstream,
  followers,
  keys: [],
  keyCount: 4,
  publications: 1,
  valuesFromUpstream: 7,
  skippedValues: 5,
  lastFailover: { at: 1_700_000_000_000, durationMs: 30, cause: 'lost' },
};

function view(processes: readonly ProcessView[], changes: Partial<HostView> = {}): HostView {
  const reloads = { ok: 2, failed: 1, lastDurationMs: 1_500 };
  const application = { state: 'running', baseDir: '/app', clusterPort: 7777, address: undefined, startedAt: 1 } as const;
  return {
    source: 'supervisor',
    at: Date.now(),
    host: 'host',
    application: { ...application, reloads, crashes: { exit: 2, 'out of memory': 1 } },
    processes,
    channels: [prices],
    events: [],
    ...changes,
  };
}

/** Metrics of views that the test sets. */
function scripted(first: HostView) {
  let present: HostView | Error = first;
  const told = metrics({
    source: { read: () => (present instanceof Error ? Promise.reject(present) : Promise.resolve(present)) },
  });
  return {
    async read(next?: HostView | Error): Promise<Map<string, number>> {
      if (next) present = next;
      return samplesOf(await told.text());
    },
    told,
  };
}

const CALLS = 'trunkline_calls_total channel=prices method=get outcome=ok';

test('the metrics of an application are the sums of its processes', async () => {
  const host = view([
    process_('master', 1),
    process_('agent', 2, { ...client('a'), role: 'leader' }),
    process_('worker 1', 3, client('b', { ok: 5, failed: { E_NO: 2 } })),
    process_('worker 2', 4, client('c', { ok: 1 })),
  ]);
  const samples = await scripted(host).read();
  expect(Object.fromEntries(samples)).toMatchObject({
    trunkline_up: 1,
    [CALLS]: 6,
    'trunkline_calls_total channel=prices method=get outcome=E_NO': 2,
    'trunkline_calls_under_way channel=prices': 3,
    'trunkline_clients channel=prices role=leader': 1,
    'trunkline_clients channel=prices role=follower': 2,
    'trunkline_subscriptions channel=prices': 6,
    'trunkline_publications channel=prices': 3,
    'trunkline_term channel=prices': 3,
    'trunkline_followers channel=prices': 2,
    'trunkline_keys channel=prices': 4,
    'trunkline_outbox_bytes channel=prices': 200,
    'trunkline_outbox_lag_seconds channel=prices': 0.02,
    'trunkline_upstream_state channel=prices state=ok': 1,
    'trunkline_upstream_state channel=prices state=degraded': 0,
    'trunkline_upstream_connections channel=prices': 1,
    'trunkline_upstream_connections_saved channel=prices': 2,
    'trunkline_values_received_total channel=prices': 30,
    'trunkline_upstream_values_total channel=prices': 7,
    'trunkline_skipped_values_total channel=prices': 5,
    'trunkline_failovers_total channel=prices': 3,
    'trunkline_leaderless_seconds_total channel=prices': 0.75,
    'trunkline_last_failover_duration_seconds channel=prices': 0.03,
    'trunkline_last_failover_timestamp_seconds channel=prices': 1_700_000_000,
    'trunkline_processes kind=worker state=ready': 2,
    'trunkline_process_resident_memory_bytes process=worker 1': 1_000,
    'trunkline_process_event_loop_delay_seconds process=agent': 0.012,
    'trunkline_restarts_total reason=out of memory': 1,
    'trunkline_reloads_total outcome=failed': 1,
    trunkline_last_reload_duration_seconds: 1.5,
    'trunkline_call_duration_seconds_bucket channel=prices le=0.001': 0,
    'trunkline_call_duration_seconds_bucket channel=prices le=0.0025': 8,
    'trunkline_call_duration_seconds_bucket channel=prices le=+Inf': 8,
    'trunkline_call_duration_seconds_count channel=prices': 8,
  });
  expect(samples.get('trunkline_call_duration_seconds_sum channel=prices')).toBeCloseTo(0.016);
});

test('what a process has counted stays when the process is replaced, and its successor is added', async () => {
  const { read } = scripted(view([process_('worker 1', 3, client('a', { ok: 5 }))]));
  expect((await read()).get(CALLS)).toBe(5);
  expect((await read(view([process_('worker 1', undefined as never)]))).get(CALLS)).toBe(5);
  // The new process may have the same pid.
  expect((await read(view([process_('worker 1', 3, client('b', { ok: 2 }))]))).get(CALLS)).toBe(7);
  expect((await read(view([process_('worker 1', 3, client('b', { ok: 9 }))]))).get(CALLS)).toBe(14);
});

test('a process that one view misses is not counted twice', async () => {
  const there = view([process_('worker 1', 3, client('a', { ok: 5 }))]);
  const { read } = scripted(there);
  await read();
  await read(view([]));
  expect((await read(there)).get(CALLS)).toBe(5);
});

test('a restarted supervisor begins to count anew, and its counters go on', async () => {
  const { read } = scripted(view([]));
  expect((await read()).get('trunkline_reloads_total outcome=ok')).toBe(2);
  const next = view([]);
  const application = { ...next.application!, startedAt: 2, reloads: { ok: 1, failed: 0, lastDurationMs: undefined } };
  expect((await read({ ...next, application })).get('trunkline_reloads_total outcome=ok')).toBe(3);
});

test('a source that fails, or throws, costs the gauges and no counter', async () => {
  const { read } = scripted(view([process_('worker 1', 3, client('a', { ok: 5 }))]));
  await read();
  const samples = await read(new Error('gone'));
  expect(samples.get('trunkline_up')).toBe(0);
  expect(samples.get(CALLS)).toBe(5);
  expect([...samples.keys()].filter((name) => name.startsWith('trunkline_clients'))).toEqual([]);
  const throwing = metrics({
    source: {
      read: () => {
        throw new Error('at once');
      },
    },
  });
  expect(samplesOf(await throwing.text()).get('trunkline_up')).toBe(0);
});

test('a source that never answers does not hold up a scraper', async () => {
  const told = metrics({ source: { view: () => new Promise(() => undefined) } });
  expect(samplesOf(await told.text()).get('trunkline_up')).toBe(0);
});

test('a reading takes one look at the host', async () => {
  let looks = 0;
  const told = metrics({
    source: {
      view: () => {
        looks++;
        return Promise.resolve(view([]));
      },
    },
  });
  await Promise.all([told.text(), told.text()]);
  expect(looks).toBe(1);
  await told.text();
  expect(looks).toBe(2);
});

test('methods and codes without end do not make series without end', async () => {
  const many = Object.fromEntries(Array.from({ length: 50 }, (_, i) => [`E_${i}`, 1]));
  const clients = Array.from({ length: 60 }, (_, i) => client(`c${i}`, { ok: 1, failed: many, method: `m${i}` }));
  const samples = await scripted(view([process_('worker 1', 3, ...clients)])).read();
  const calls = [...samples].filter(([name]) => name.startsWith('trunkline_calls_total'));
  expect(calls.length).toBe(1_001);
  expect(calls.map(([, count]) => count).reduce((a, b) => a + b)).toBe(60 * 51);
});

test('names of channels may hold anything', async () => {
  const channel = 'a "quoted" \\ name\nof two lines, π';
  const { told } = scripted(view([process_('worker 1', 3, client('a', { channel, ok: 3 }))]));
  const text = await told.text();
  expect(text).toContain(
    'trunkline_calls_total{channel="a \\"quoted\\" \\\\ name\\nof two lines, π",method="get",outcome="ok"} 3\n',
  );
});

test('the metrics go into a registry of the user, in the format of OpenMetrics too, and out again', async () => {
  const register = Reflect.construct(Registry, [Registry.OPENMETRICS_CONTENT_TYPE]) as Registry; // the types know no argument;
  const told = metrics({ register: register, source: { read: () => Promise.resolve(view([])) }, prefix: 'app_' });
  expect(told.contentType).toBe(Registry.OPENMETRICS_CONTENT_TYPE);
  for (let i = 0; i < 2; i++) {
    const text = await register.metrics();
    expect(text).toContain('# TYPE app_reloads counter\napp_reloads_total{outcome="ok"} 2\n');
    expect(text).toContain('app_up 1\n');
  }
  told.close();
  expect(register.getMetricsAsArray()).toEqual([]);
});

test('without a source the metrics are those of this process', async () => {
  const client_ = cluster(upstreamClass(), { name: 'own', singleMode: true, logger: recordingLogger() }).create();
  await client_.ready();
  const told = metrics();
  await client_.echo(1);
  await client_.fail().catch(() => undefined);
  const samples = samplesOf(await told.text());
  expect(samples.get('trunkline_calls_total channel=own method=echo outcome=ok')).toBe(1);
  expect(samples.get('trunkline_calls_total channel=own method=fail outcome=42')).toBe(1);
  expect(samples.get('trunkline_process_resident_memory_bytes process=process')).toBeGreaterThan(1e6);
  await cluster.close(client_);
  const after = samplesOf(await told.text());
  expect(after.get('trunkline_calls_total channel=own method=echo outcome=ok')).toBe(1);
  expect(after.has('trunkline_clients channel=own role=single')).toBe(false);
  told.close();
});

describe('startMetricsServer()', () => {
  async function ask(url: string, method = 'GET') {
    const response = await fetch(url, { method });
    return { status: response.status, type: response.headers.get('content-type'), text: await response.text() };
  }

  test('answers a scraper, and tells others where the metrics are', async () => {
    const server = await startMetricsServer({ port: 0, source: { read: () => Promise.resolve(view([])) } });
    try {
      const { status, type, text } = await ask(`${server.url}?x=1`);
      expect([status, type]).toEqual([200, Registry.PROMETHEUS_CONTENT_TYPE]);
      expect(samplesOf(text).get('trunkline_up')).toBe(1);
      expect(await ask(server.url, 'HEAD')).toMatchObject({ status: 200, text: '' });
      expect(await ask(server.url, 'POST')).toMatchObject({ status: 405, text: 'metrics are read with GET\n' });
      expect(await ask(new URL('/', server.url).href)).toMatchObject({ status: 404, text: 'the metrics are at /metrics\n' });
    } finally {
      await server.close();
      await server.close();
    }
    await expect(ask(server.url)).rejects.toThrow();
  });

  test('a metric of the user that fails is a status code and a sentence', async () => {
    const register = new Registry();
    const failing = { name: 'mine', get: () => Promise.reject(new Error('mine is broken')), reset: () => undefined };
    register.registerMetric(failing as never);
    const server = await startMetricsServer({ port: 0, register: register });
    expect(await ask(server.url)).toMatchObject({ status: 500, text: 'mine is broken\n' });
    await server.close();
  });

  test('a port that is taken is told, and leaves no metric behind', async () => {
    const taken = http.createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port } = taken.address() as { port: number };
    const register = new Registry();
    await expect(startMetricsServer({ port, register: register })).rejects.toThrow('EADDRINUSE');
    expect(register.getMetricsAsArray()).toEqual([]);
    await new Promise((resolve) => taken.close(resolve));
  });
});

test('the table of the documents names every metric, and no other', async () => {
  const text = readFileSync(join(__dirname, '../../docs/observing.md'), 'utf8');
  const documented = [...text.matchAll(/^\| `(trunkline_\w+)`/gm)].map(([, name]) => name!);
  const told = [...(await metrics().text()).matchAll(/^# TYPE (\w+)/gm)].map(([, name]) => name!);
  expect(documented.sort()).toEqual(told.sort());
});

it.each([
  [{ source: Promise.resolve() as never }, 'source must be what startCluster resolves with (await it first)'],
  [{ prefix: '9-' }, 'prefix must begin with a letter'],
])('refuses the options %j', (options, sentence) => {
  expect(() => metrics(options)).toThrow(
    expect.objectContaining({ code: 'ERR_TRUNKLINE_OPTION_INVALID', message: expect.stringContaining(sentence) as string }),
  );
});
