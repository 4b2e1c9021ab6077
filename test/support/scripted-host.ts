// A host that a test writes: processes around leaders, with counters that grow as the script says. A source of views for the
// dashboard and for `trunkline top`.

import type { ChannelView, ClientView, HostEvent, HostView, ProcessView } from '../../src/host-view';
import { LATENCY_BUCKETS_MS } from '../../src/latency-buckets';

type Changing<T> = { -readonly [K in keyof T]: T[K] };

export interface Script {
  readonly workers: number;
  readonly channels?: readonly string[];
  readonly keys?: number;
}

const FIRST_PID = 4_100;
const START = Date.UTC(2026, 4, 4, 9, 30);

export class ScriptedHost {
  readonly #tellers = new Set<() => void>();
  view: HostView;
  /** Why there is no view, while there is none. */
  #gone: string | undefined;
  #lastId = 0;

  constructor({ workers, channels = ['ConfigClient'], keys = 6 }: Script, now = Date.now()) {
    const pids = Array.from({ length: workers + 1 }, (_, i) => FIRST_PID + 1 + i);
    this.view = {
      source: 'supervisor',
      at: now,
      host: 'web-3.example',
      application: {
        state: 'running',
        baseDir: '/srv/shop',
        clusterPort: 7777,
        address: '127.0.0.1:8080',
        reloads: { ok: 0, failed: 0, lastDurationMs: undefined },
        startedAt: now - 4_000_000,
      },
      processes: [
        processOf('master', FIRST_PID, []),
        ...pids.map((pid, i) =>
          processOf(
            i === 0 ? 'agent' : `worker ${i}`,
            pid,
            channels.map((name) => clientOf(name, i === 0)),
          ),
        ),
      ],
      channels: channels.map((name, i) => channelOf(name, pids[0]!, pids.slice(1), i === 0 ? keys : 2)),
      events: [],
    };
  }

  read(): Promise<HostView> {
    return this.#gone === undefined ? Promise.resolve(this.view) : Promise.reject(new Error(this.#gone));
  }

  async *watch(signal: AbortSignal): AsyncGenerator<HostView> {
    while (!signal.aborted) {
      if (this.#gone !== undefined) throw new Error(this.#gone);
      const changed = new Promise<void>((resolve) => {
        const tell = (): void => {
          this.#tellers.delete(tell);
          signal.removeEventListener('abort', tell);
          resolve();
        };
        this.#tellers.add(tell);
        signal.addEventListener('abort', tell, { once: true });
      });
      yield this.view;
      await changed;
    }
  }

  /** Each property that is named becomes another. */
  change(change: Partial<HostView> | ((view: HostView) => Partial<HostView>)): void {
    this.view = { ...this.view, ...(typeof change === 'function' ? change(this.view) : change) };
    for (const tell of [...this.#tellers]) tell();
  }

  changeProcess(name: string, change: Partial<ProcessView>): void {
    this.change(({ processes }) => ({
      processes: processes.map((each) => (each.name === name ? { ...each, ...change } : each)),
    }));
  }

  changeChannel(name: string, change: (channel: ChannelView) => Partial<ChannelView>): void {
    this.change(({ channels }) => ({
      channels: channels.map((each) => (each.channel === name ? { ...each, ...change(each) } : each)),
    }));
  }

  happen(event: Omit<HostEvent, 'id' | 'at'> & { readonly at?: number }): void {
    this.change(({ events, at }) => ({ events: [...events, { at, ...event, id: ++this.#lastId }] }));
  }

  /** Lets time pass: every client makes so many calls and gets so many values. */
  advance(
    ms: number,
    { calls = 0, failed = 0, values = 0, latencyMs = 0.4 }: Partial<Record<'calls' | 'failed' | 'values' | 'latencyMs', number>>,
  ): void {
    const bucket = LATENCY_BUCKETS_MS.findIndex((bound) => latencyMs <= bound);
    this.change(({ at, processes, channels }) => ({
      at: at + ms,
      processes: processes.map((process) => ({
        ...process,
        readyForMs: process.readyForMs === undefined ? undefined : process.readyForMs + ms,
        clients: process.clients.map((client) => grown(client, { calls, failed, values, bucket })),
      })),
      channels: channels.map((channel) => ({
        ...channel,
        valuesFromUpstream: channel.valuesFromUpstream + values,
        keys: channel.keys.map((key, i) => ({
          ...key,
          version: key.version + (values > 0 && i === 0 ? 1 : 0),
          ageMs: values > 0 && i === 0 ? 0 : (key.ageMs ?? 0) + ms,
        })),
      })),
    }));
  }

  /** There is no view from now on. */
  goAway(why: string): void {
    this.#gone = why;
    this.change({});
  }

  comeBack(): void {
    this.#gone = undefined;
    this.change({ at: Date.now() });
  }
}

function processOf(name: string, pid: number, clients: readonly ClientView[]): ProcessView {
  return {
    pid,
    name,
    state: 'ready',
    readyForMs: 3_900_000,
    restarts: 0,
    lastEnd: undefined,
    memoryBytes: (48 + (pid % 7) * 3) * 2 ** 20,
    eventLoopDelayMs: 1 + (pid % 5),
    clients,
  };
}

function clientOf(channel: string, leads: boolean): ClientView {
  return {
    channel,
    state: 'ready',
    role: leads ? 'leader' : 'follower',
    term: 3,
    port: 7777,
    reason: undefined,
    subscriptions: 6,
    publications: 0,
    calls: {
      ok: 0,
      failed: {},
      underWay: 0,
      methods: {},
      latency: { sumMs: 0, counts: LATENCY_BUCKETS_MS.map(() => 0).concat(0) },
    },
    valuesReceived: 0,
    upstream: { state: 'ok', since: START, error: undefined },
    failovers: { count: 0, totalMs: 0, last: undefined },
  };
}

function channelOf(channel: string, leaderPid: number, followers: readonly number[], keys: number): ChannelView {
  return {
    channel,
    port: 7777,
    leaderPid,
    term: 3,
    upstream: { state: 'ok', since: START, error: undefined },
    followers: followers.map((pid) => ({ pid, outboxBytes: 0, lagMs: 0, skippedValues: 0, lastHeardMs: 400 + (pid % 9) * 100 })),
    keys: Array.from({ length: keys }, (_, i) => ({
      key: `{"dataId":"shop.${['flags', 'prices', 'limits', 'routes', 'texts', 'banner'][i % 6]}${i < 6 ? '' : i}","group":"DEFAULT"}`,
      version: 40 - (i % 30),
      ageMs: 1_000 + i * 7_000,
      subscribers: followers.length + 1,
    })),
    keyCount: keys,
    publications: 1,
    valuesFromUpstream: 120,
    skippedValues: 0,
    lastFailover: undefined,
  };
}

function grown(client: ClientView, by: { calls: number; failed: number; values: number; bucket: number }): ClientView {
  const { calls, failed, values, bucket } = by;
  const counts: Changing<readonly number[]> = client.calls.latency.counts.map((count, i) => count + (i === bucket ? calls : 0));
  const code = 'ERR_TRUNKLINE_CALL_TIMEOUT';
  return {
    ...client,
    valuesReceived: client.valuesReceived + values,
    calls: {
      ...client.calls,
      ok: client.calls.ok + calls,
      failed: failed === 0 ? client.calls.failed : { ...client.calls.failed, [code]: (client.calls.failed[code] ?? 0) + failed },
      latency: { ...client.calls.latency, counts },
    },
  };
}
