// What is compared: ways for the processes of a host to share one upstream client. A worker process (worker.ts)
// joins through this interface and does not know which peer it runs.

import type { Registration, ValueListener } from '../registry';

/** `leader` and `follower` are fixed roles; a `competitor` takes what it gets. */
export type Role = 'leader' | 'follower' | 'competitor';

export interface JoinOptions {
  readonly role: Role;
  readonly port: number;
  /** Entries in the values of the upstream client. */
  readonly entries: number;
  /** Gets what the peer reports as an error and goes on. */
  readonly onError: (error: unknown) => void;
}

/** The place of one process in the host. */
export interface Member {
  subscribe(registration: Registration, listener: ValueListener): void;
  echo(text: string): Promise<string>;
}

export interface Peer {
  /** @returns resolves when the member is ready */
  join(options: JoinOptions): Promise<Member>;
}

export const PEER_NAMES = ['trunkline', 'cluster-client', 'floor'] as const;
export type PeerName = (typeof PEER_NAMES)[number];

/** Loads the code of one peer only. */
export async function loadPeer(name: PeerName): Promise<Peer> {
  if (name === 'floor') return (await import('../floor.js')).floor;
  return (await import('./library.js')).library(name);
}
