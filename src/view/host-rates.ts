// Rates, from the counters of two views of one host: what the dashboard draws and `trunkline top` prints. Pure.

import type { CallCounts, ChannelView, ClientView, HostView } from '../host-view';
import { LATENCY_BUCKETS_MS } from '../latency-buckets';

/** One point of every series. */
export interface HostSample {
  /** ms since 1970. */
  readonly at: number;
  /** Answered and failed calls of all processes. */
  readonly callsPerS: number;
  readonly failedPerS: number;
  /** Values that processes got, each process counted. */
  readonly valuesPerS: number;
  /** Undefined while no call was answered. */
  readonly p50Ms: number | undefined;
  readonly p99Ms: number | undefined;
  /** Bytes that wait in leaders for their followers. */
  readonly outboxBytes: number;
  /** The follower that is furthest behind. */
  readonly lagMs: number;
}

export interface Rate {
  readonly callsPerS: number;
  readonly valuesPerS: number;
}

export interface HostRates {
  readonly sample: HostSample;
  readonly byPid: ReadonlyMap<number, Rate>;
  /** By `channelId`. */
  readonly byChannel: ReadonlyMap<string, Rate>;
}

export const NO_RATE: Rate = { callsPerS: 0, valuesPerS: 0 };

/** Tells channels of one name at different ports apart. */
export function channelId({ channel, port }: Pick<ChannelView | ClientView, 'channel' | 'port'>): string {
  return port === undefined ? channel : `${channel} @ ${port}`;
}

interface Counts {
  ok: number;
  failed: number;
  values: number;
}

/** @param before an earlier view; without one all rates are 0, because counters say nothing of when they grew */
export function ratesOf(before: HostView | undefined, now: HostView): HostRates {
  const seconds = before ? (now.at - before.at) / 1_000 : 0;
  const earlier = new Map(before ? clientsOf(before).map(({ id, client }) => [id, client]) : []);
  const buckets = LATENCY_BUCKETS_MS.map(() => 0).concat(0);
  const total: Counts = { ok: 0, failed: 0, values: 0 };
  const byPid = new Map<number, Counts>();
  const byChannel = new Map<string, Counts>();
  for (const { id, pid, client } of clientsOf(now)) {
    const old = earlier.get(id);
    const grown = {
      ok: growth(client.calls.ok, old?.calls.ok),
      failed: growth(failures(client.calls), old && failures(old.calls)),
      values: growth(client.valuesReceived, old?.valuesReceived),
    };
    for (const counts of [total, entry(byPid, pid), entry(byChannel, channelId(client))]) add(counts, grown);
    client.calls.latency.counts.forEach((count, i) => (buckets[i]! += growth(count, old?.calls.latency.counts[i])));
  }
  const rate = (count: number): number => (seconds > 0 ? count / seconds : 0);
  const rates = <K>(counts: ReadonlyMap<K, Counts>): Map<K, Rate> =>
    new Map(
      [...counts].map(([key, { ok, failed, values }]) => [key, { callsPerS: rate(ok + failed), valuesPerS: rate(values) }]),
    );
  const followers = now.channels.flatMap((channel) => channel.followers);
  const answered = before ? buckets : [];
  const sample: HostSample = {
    at: now.at,
    callsPerS: rate(total.ok + total.failed),
    failedPerS: rate(total.failed),
    valuesPerS: rate(total.values),
    p50Ms: quantile(answered, 0.5),
    p99Ms: quantile(answered, 0.99),
    outboxBytes: followers.reduce((sum, { outboxBytes }) => sum + outboxBytes, 0),
    lagMs: followers.reduce((most, { lagMs }) => Math.max(most, lagMs), 0),
  };
  return { sample, byPid: rates(byPid), byChannel: rates(byChannel) };
}

export function failures({ failed }: Pick<CallCounts, 'failed'>): number {
  return Object.values(failed).reduce((sum, count) => sum + count, 0);
}

/**
 * The latency below which the share `q` of the calls stayed, as Prometheus' `histogram_quantile` has it: linear within a bucket.
 * @param counts by bucket, see `LATENCY_BUCKETS_MS` @returns undefined without calls; the last bound for calls above all bounds
 */
export function quantile(counts: readonly number[], q: number): number | undefined {
  const total = counts.reduce((sum, count) => sum + count, 0);
  if (total === 0) return undefined;
  let below = 0;
  for (const [i, bound] of LATENCY_BUCKETS_MS.entries()) {
    const inside = counts[i] ?? 0;
    if (inside > 0 && below + inside >= q * total) {
      const from = LATENCY_BUCKETS_MS[i - 1] ?? 0;
      return from + (bound - from) * Math.max(0, (q * total - below) / inside);
    }
    below += inside;
  }
  return LATENCY_BUCKETS_MS.at(-1);
}

function clientsOf(view: HostView): { id: string; pid: number; client: ClientView }[] {
  const seen = new Map<string, number>();
  return view.processes.flatMap(({ pid, clients }) =>
    clients.map((client) => {
      // A process may have several clients of one channel, always in the order of their creation.
      const name = `${pid} ${channelId(client)}`;
      const nth = (seen.get(name) ?? 0) + 1;
      seen.set(name, nth);
      return { id: `${name} ${nth}`, pid: pid ?? 0, client };
    }),
  );
}

/** Counters begin at 0 in a new process, and a process that has ended takes its counters along. */
function growth(now: number, before = 0): number {
  return Math.max(0, now - before);
}

function entry<K>(counts: Map<K, Counts>, key: K): Counts {
  const found = counts.get(key) ?? { ok: 0, failed: 0, values: 0 };
  counts.set(key, found);
  return found;
}

function add(counts: Counts, grown: Counts): void {
  counts.ok += grown.ok;
  counts.failed += grown.failed;
  counts.values += grown.values;
}
