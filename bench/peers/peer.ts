// What is compared: ways for the processes of a host to share an upstream client. A worker process (worker.ts) joins through
// this interface and does not know the peer.

import type { Registration, ValueListener } from '../registry';

/** `leader` and `follower` are fixed roles; a `competitor` takes any role. */
export type Role = 'leader' | 'follower' | 'competitor';

export interface JoinOptions {
  readonly role: Role;
  readonly port: number;
  /** Entries in the values of the upstream client. */
  readonly entries: number;
  /** Gets what the peer reports as an error and goes on. */
  readonly onError: (error: unknown) => void;
}

/** The place of a process in the host. */
export interface Member {
  subscribe(registration: Registration, listener: ValueListener): void;
  echo(text: string): Promise<string>;
}

export interface Peer {
  /** @returns resolves when the member is ready */
  join(options: JoinOptions): Promise<Member>;
}

/** Peers that are measured everywhere. */
export const LIBRARY_PEERS = ['trunkline', 'cluster-client', 'floor'] as const;
/** Peers that only carry values: Redis pub/sub with a connection for each process, and messages that the parent process relays. */
export const VALUE_PEERS = ['redis', 'ipc'] as const;
/** What a process of a user has anyway; measured for what loading costs. */
export const BASELINES = ['sdk-base', 'empty'] as const;
export const PEER_NAMES = [...LIBRARY_PEERS, ...VALUE_PEERS, ...BASELINES] as const;
export type PeerName = (typeof PEER_NAMES)[number];

const NOBODY: Peer = { join: () => Promise.reject(new Error('this peer cannot join')) };

/** Loads the code of this peer only. */
export async function loadPeer(name: PeerName): Promise<Peer> {
  switch (name) {
    case 'floor':
      return (await import('../floor.js')).floor;
    case 'redis':
      return (await import('./redis.js')).redis;
    case 'ipc':
      return (await import('./ipc.js')).ipc;
    case 'sdk-base':
      await import('sdk-base');
      return NOBODY;
    case 'empty':
      return NOBODY;
    case 'trunkline':
    case 'cluster-client':
      return (await import('./library.js')).library(name);
  }
}
