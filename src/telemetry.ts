// What this process does, as channels of `node:diagnostics_channel`: for metrics, tracing and tools that must not be in the way. A
// channel without subscribers costs one look at a property. Messages carry no values, arguments or secrets. docs/telemetry.md has the
// table of channels.

import type { FleetView } from './fleet-view';
import { channel, tracingChannel, type TracingChannel } from 'node:diagnostics_channel';

/** A call of a method, as the caller sees the call. The same object is published for each step of one call. */
export interface CallTrace {
  readonly channel: string;
  readonly method: string;
  /** Nobody waits for an answer: `end` is the last step. */
  readonly oneway: boolean;
  /** The role in which the call was made; undefined while there is none. */
  role: ClientRole | undefined;
  /** How often the call was sent again because the leader was lost. */
  resends: number;
  /** Only after an answer. */
  result?: unknown;
  /** Only after a failure. */
  error?: unknown;
}

/** A method of the upstream class that runs in the process of the upstream client, for a caller of any process. */
export interface UpstreamCallTrace {
  readonly channel: string;
  readonly method: string;
  result?: unknown;
  error?: unknown;
}

export type ClientRole = 'single' | 'leader' | 'follower';

/** A value has come into this process. */
export interface EventMessage {
  readonly channel: string;
  readonly key: string;
  readonly bytes: number;
  /** From the upstream client of this process, or from the leader. */
  readonly from: 'upstream' | 'leader';
}

/** A client has another part in its channel. */
export interface RoleMessage {
  readonly channel: string;
  /** Undefined: the leader was lost, and a new one is sought. */
  readonly role: ClientRole | undefined;
  /** The period of leadership; of the role that has ended where `role` is undefined. */
  readonly term: number;
  /** How long the client was without a role, ms; undefined for the first role and where the previous role served until the next one. */
  readonly durationMs: number | undefined;
  /** Why the previous role has ended, if that is known. */
  readonly cause: string | undefined;
}

/** The planned change of leader, as a client that takes part sees the change. */
export interface HandoffMessage {
  readonly channel: string;
  /** `begun`: a successor is appointed or sought. `ended`: the role before has finished. */
  readonly phase: 'begun' | 'ended';
  readonly role: ClientRole;
  readonly term: number;
}

/** The upstream client of this process. */
export interface UpstreamMessage {
  readonly channel: string;
  /** `failed`: not ready, and tried again. */
  readonly state: 'created' | 'ready' | 'failed' | 'degraded' | 'recovered' | 'closed';
  readonly error: unknown;
}

/** A follower does not read as fast as values come, or does again. */
export interface OutboxMessage {
  readonly channel: string;
  /** `behind`: only newest values are kept for the follower. `dropped`: the follower was disconnected. */
  readonly state: 'behind' | 'caught up' | 'dropped';
  readonly remotePort: number | undefined;
  readonly outboxBytes: number;
  /** Values that this follower did not get so far, because newer values came. */
  readonly skippedEvents: number;
}

/** A process or thread of a supervised application; published in the master. */
export interface ChildMessage {
  /** `agent`, `worker 1` … */
  readonly name: string;
  readonly pid: number | undefined;
  readonly state: 'started' | 'ready' | 'gone' | 'ended';
}

/** How this host stands in a fleet of hosts; published at each change, in the process that leads on its host. */
export type FleetMessage = FleetView;

/** The messages of the plain channels, by the name of the channel. */
export interface TelemetryMessages {
  'trunkline:event': EventMessage;
  'trunkline:role': RoleMessage;
  'trunkline:handoff': HandoffMessage;
  'trunkline:upstream': UpstreamMessage;
  'trunkline:outbox': OutboxMessage;
  'trunkline:child': ChildMessage;
  'trunkline:fleet': FleetMessage;
}

/** The messages of the tracing channels, by the name that `tracingChannel` takes. */
export interface TelemetryTraces {
  'trunkline:call': CallTrace;
  'trunkline:upstream-call': UpstreamCallTrace;
}

/** What a publisher needs of a channel: look first, and make the message only for subscribers. */
export interface TelemetryChannel<Message> {
  readonly hasSubscribers: boolean;
  publish(message: Message): void;
}

function typed<Name extends keyof TelemetryMessages>(name: Name): TelemetryChannel<TelemetryMessages[Name]> {
  return channel(name);
}

// Channels are kept here because Node.js forgets channels that nobody refers to.
export const eventChannel = typed('trunkline:event');
export const roleChannel = typed('trunkline:role');
export const handoffChannel = typed('trunkline:handoff');
export const upstreamChannel = typed('trunkline:upstream');
export const outboxChannel = typed('trunkline:outbox');
export const childChannel = typed('trunkline:child');
export const fleetChannel = typed('trunkline:fleet');

/** A tracing channel, with a property that the types of Node.js 20 leave out. */
export interface Tracing<Message extends object> extends TracingChannel<unknown, Message> {
  readonly hasSubscribers: boolean;
}

export const callChannel = tracingChannel('trunkline:call') as Tracing<CallTrace>;
export const upstreamCallChannel = tracingChannel('trunkline:upstream-call') as Tracing<UpstreamCallTrace>;

/** Steps of work that ends in a callback: published as `tracePromise` does for a promise. */
export class Trace<Message extends { result?: unknown; error?: unknown }> {
  readonly #channel: Tracing<Message>;
  readonly #message: Message;

  constructor(tracing: Tracing<Message>, message: Message) {
    this.#channel = tracing;
    this.#message = message;
  }

  /** Runs the part that begins the work. Stores that subscribers have bound to `start` are active meanwhile. */
  run<T>(begin: () => T): T {
    return this.#channel.start.runStores(this.#message, () => {
      try {
        return begin();
      } finally {
        this.#channel.end.publish(this.#message);
      }
    });
  }

  succeeded(result: unknown): void {
    this.#message.result = result;
    this.#finish();
  }

  failed(error: unknown): void {
    this.#message.error = error;
    this.#channel.error.publish(this.#message);
    this.#finish();
  }

  #finish(): void {
    this.#channel.asyncStart.publish(this.#message);
    this.#channel.asyncEnd.publish(this.#message);
  }
}
