// What a look at a host gives, as plain data that JSON carries: the processes, the channels with leader and followers, and what happened
// lately. The control socket of a supervisor and a port holder give a view; `trunkline status`, `trunkline top`, the dashboard
// and the metrics show one.

import type { FleetView } from './fleet-view';

/** Where a look at a host comes from: the control socket of a supervisor, a cluster port, or the program of a supervisor itself. */
export interface HostViewSource {
  /** @throws Error with a sentence for the user when nobody answers */
  read(): Promise<HostView>;
  /**
   * A view at once, and another within a second after each change, at most 4 views a second; without a change a view every 2 s.
   * The loop ends with the signal.
   * @throws Error with a sentence for the user when the source is gone; a new watch may find the next source
   */
  watch(signal: AbortSignal): AsyncIterable<HostView>;
}

/** `supervisor`: everything of the application is known. `port holder`: only what the processes at a cluster port told. */
export type ViewSource = 'supervisor' | 'port holder';

export interface HostView {
  readonly source: ViewSource;
  /** When the view was made, ms since 1970. */
  readonly at: number;
  readonly host: string;
  /** The supervised application; undefined for processes that no supervisor started. */
  readonly application: ApplicationView | undefined;
  /** Master, agent and workers in this order, or the processes that meet at the port, by pid. */
  readonly processes: readonly ProcessView[];
  /** By name, then by port. */
  readonly channels: readonly ChannelView[];
  /** What happened lately, the oldest first; at most 200 events. */
  readonly events: readonly HostEvent[];
}

export interface ApplicationView {
  readonly state: 'starting' | 'running' | 'stopping';
  readonly baseDir: string;
  readonly clusterPort: number | undefined;
  /** Where the workers listen, e.g. `127.0.0.1:7001` or the path of a Unix socket; undefined if no worker listens. */
  readonly address: string | undefined;
  readonly startedAt: number;
  /** Reloads and restarts that somebody asked for. */
  readonly reloads: { readonly ok: number; readonly failed: number; readonly lastDurationMs: number | undefined };
  /** Ends of processes that nobody asked for, by what ended them: `exit`, `signal`, `out of memory` … */
  readonly crashes?: Readonly<Record<string, number>> | undefined;
}

export interface ProcessView {
  readonly pid: number | undefined;
  /** `master`, `agent`, `worker 1` …, or `process` for one that no supervisor started. */
  readonly name: string;
  /** A state of the supervisor's slot (`starting`, `ready`, `CRASH_LOOP` …), or `running`. */
  readonly state: string;
  readonly readyForMs: number | undefined;
  readonly restarts: number;
  /** How the previous child has ended, if nobody asked for the end. */
  readonly lastEnd: string | undefined;
  /** Resident memory. */
  readonly memoryBytes: number | undefined;
  /** The longest delay of the event loop since the last report. */
  readonly eventLoopDelayMs: number | undefined;
  /** How the clients of this process stand. */
  readonly clients: readonly ClientView[];
}

/** A client that is open in one process. */
export interface ClientView {
  /** No other client of this host has the same one, nor had. */
  readonly id?: string | undefined;
  readonly channel: string;
  /** As in `client.status()`. */
  readonly state: string;
  readonly role: 'single' | 'leader' | 'follower' | undefined;
  readonly term: number;
  readonly port: number | undefined;
  readonly reason: { readonly code: string | undefined; readonly message: string } | undefined;
  /** Keys that this process subscribes. */
  readonly subscriptions: number;
  readonly publications: number;
  /** Calls of this process since the client was created. */
  readonly calls: CallCounts;
  /** Values that this process got since the client was created. */
  readonly valuesReceived: number;
  /** How the upstream client stands, as far as this process knows. */
  readonly upstream: UpstreamView;
  /** How often this client was without a leader after a first one, or was handed over, and for how long altogether. */
  readonly failovers: { readonly count: number; readonly totalMs: number; readonly last: FailoverView | undefined };
}

export interface FailoverView {
  /** When the next role began, ms since 1970. */
  readonly at: number;
  /** How long there was no role; 0 in a hand-off. */
  readonly durationMs: number;
  /** E.g. `hand-off`, or why the leader was lost. */
  readonly cause: string;
}

/** Counts only grow while the process lives. */
export interface CallCounts {
  readonly ok: number;
  /** By error code, e.g. `ERR_TRUNKLINE_CALL_TIMEOUT`; errors of the upstream class without a code are `error`. */
  readonly failed: Readonly<Record<string, number>>;
  readonly underWay: number;
  /** The outcomes by method; at most 100 methods, and later ones together as `other`. */
  readonly methods: Readonly<Record<string, CallOutcomes>>;
  /**
   * How long answered calls took: `counts[i]` calls took at most `LATENCY_BUCKETS_MS[i]` and longer than the bucket before; the
   * last count is for all longer ones.
   */
  readonly latency: { readonly sumMs: number; readonly counts: readonly number[] };
}

export interface CallOutcomes {
  readonly ok: number;
  readonly failed: Readonly<Record<string, number>>;
}

/** All processes of this host that share one upstream client. */
export interface ChannelView {
  /** Not unique: clients of one name with different arguments are different channels, each with a leader of its own. */
  readonly channel: string;
  readonly port: number | undefined;
  readonly leaderPid: number | undefined;
  readonly term: number;
  readonly upstream: UpstreamView;
  /** How this host stands in its fleet of hosts; undefined where the upstream client belongs to no fleet. */
  readonly fleet?: FleetView | undefined;
  readonly followers: readonly FollowerView[];
  /** At most 1,000 keys, by name; `keyCount` counts all. */
  readonly keys: readonly KeyView[];
  readonly keyCount: number;
  readonly publications: number;
  /** Values that the leader got from upstream. */
  readonly valuesFromUpstream: number;
  /** Values that followers did not get because newer values came before the followers read. */
  readonly skippedValues: number;
  readonly lastFailover: FailoverView | undefined;
}

export interface UpstreamView {
  readonly state: 'ok' | 'degraded' | 'connecting' | 'unknown';
  /** When the state began, ms since 1970. */
  readonly since: number | undefined;
  readonly error: string | undefined;
}

export interface FollowerView {
  readonly pid: number | undefined;
  /** Bytes that wait in the leader until the follower reads. */
  readonly outboxBytes: number;
  /** How long the oldest of these bytes waits; 0 when nothing waits. */
  readonly lagMs: number;
  readonly skippedValues: number;
  /** How long ago the follower last answered a heartbeat or sent anything. */
  readonly lastHeardMs: number | undefined;
}

export interface KeyView {
  readonly key: string;
  /** How many values came in this term. */
  readonly version: number;
  /** How old the last value is; undefined while there is none. */
  readonly ageMs: number | undefined;
  /** Followers, and listeners of the leader's process. */
  readonly subscribers: number;
}

export type HostEventKind =
  'start' | 'ready' | 'failover' | 'handoff' | 'reload' | 'replace' | 'scale' | 'crash' | 'crash loop' | 'upstream' | 'stop';

export interface HostEvent {
  /** Grows by one with each event of the same source: what was shown before can be told from what is new. */
  readonly id: number;
  readonly at: number;
  readonly kind: HostEventKind;
  /** A process (`worker 2`) or a channel. */
  readonly subject: string;
  readonly pid: number | undefined;
  /** One sentence. */
  readonly text: string;
  readonly durationMs?: number | undefined;
}
