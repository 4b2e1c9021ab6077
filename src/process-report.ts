// What one process tells of its shared clients, for a look at the host. A supervised process tells its master, and any process tells
// the holder of its cluster port. src/view puts the reports of all processes together.

import type { FleetView } from './fleet-view';
import type { ClientView, UpstreamView } from './host-view';
import { openClients } from './seat';

export interface ProcessReport {
  readonly pid: number;
  /** The id of the thread; 0: the main thread. */
  readonly thread: number;
  readonly clients: readonly ClientReport[];
}

export interface ClientReport {
  readonly view: ClientView;
  /** Where the connection to the leader begins: the leader knows this follower by the port. */
  readonly localPort: number | undefined;
  /** Where the upstream client is in this process. */
  readonly led: LedReport | undefined;
}

/** What only the process of the upstream client knows of the channel. */
export interface LedReport {
  /** Clients of one process that share an upstream client tell the same number. */
  readonly id: number;
  readonly upstream: UpstreamView;
  /** Undefined: no fleet, or a process of an earlier version. */
  readonly fleet?: FleetView | undefined;
  readonly followers: readonly FollowerReport[];
  /** At most MAX_KEYS; undefined: nobody has asked for keys. */
  readonly keys: readonly KeyReport[] | undefined;
  readonly keyCount: number;
  readonly publications: number;
  readonly valuesFromUpstream: number;
  readonly skippedValues: number;
}

export interface FollowerReport {
  readonly remotePort: number | undefined;
  readonly outboxBytes: number;
  readonly lagMs: number;
  readonly skippedValues: number;
  readonly lastHeardMs: number | undefined;
}

export interface KeyReport {
  readonly key: string;
  readonly version: number;
  /** When the last value came, ms since 1970; undefined while there is none. */
  readonly at: number | undefined;
  readonly subscribers: number;
}

/** Keys of one channel in a report. A view of a thousand keys has about 100 KB. */
export const MAX_KEYS = 1_000;

/** What this process tells of all of its open clients, of every copy of this library. */
export function reportOfProcess(withKeys: boolean): ProcessReport {
  const clients = [...openClients()].flatMap((client) => (client.report?.(withKeys) as ClientReport | undefined) ?? []);
  // Loaded when somebody looks: most processes have no other use for the module, which costs half a megabyte on Node.js 20.
  const { threadId } = process.getBuiltinModule('node:worker_threads');
  return { pid: process.pid, thread: threadId, clients };
}

/** Another text when a report would say something new. Cheap: nothing is made for the report. */
export function stampOfProcess(): string {
  return [...openClients()].map((client) => client.stamp?.()).join('\n');
}
