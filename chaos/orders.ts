// What the driver tells a member to do, and what a member sends back.

import type { FleetSetup } from './fleet/plan';
import type { HistoryEntry } from './history';

export interface MemberSetup {
  readonly slot: number;
  readonly seed: number;
  readonly upstreamPort: number;
  /** Where this member looks for the leader of each created channel. */
  readonly ports: Readonly<Record<string, number>>;
  /** Where the processes of this host keep the secret of the host; default: the folder of the user. */
  readonly folder?: string;
  /** The member belongs to a host of a fleet. */
  readonly fleet?: FleetSetup;
}

export type Order =
  /** The next listener that is called blocks the event loop. */
  | { readonly order: 'block'; readonly ms: number }
  /** `close()` of the client of a channel, and a new `create()` after a pause. */
  | { readonly order: 'renew'; readonly channel: string; readonly pauseMs: number }
  /** No calls, and no coming and going of subscriptions, or both again. */
  | { readonly order: 'calm'; readonly isCalm: boolean }
  /** Closes all clients and everything else; the process must then end. */
  | { readonly order: 'leave' }
  /** Each client makes a call. */
  | { readonly order: 'probe' };

export interface Report {
  readonly entries: readonly HistoryEntry[];
}
