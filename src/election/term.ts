// What an election gives: a term, which decides the role of this process for a channel.

import type { Endpoint } from '../endpoint';
import type { Logger } from '../logger';
import type { Clock } from '../time';
import type { Connection } from '../transport/connection';
import type { ChannelDoor, Credentials } from '../transport/listener';

/** How this process takes part at a cluster port. */
export interface Meeting {
  readonly endpoint: Endpoint;
  readonly credentials: Credentials;
  readonly connectTimeoutMs: number;
  /** Undefined: silent connections are not ended. */
  readonly heartbeatIntervalMs: number | undefined;
  /** Whether a process of cluster-client 3.x may wait here for a channel that nobody leads yet. */
  readonly allowsLegacyPeers: boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** A term of this process as the leader of a channel. */
export interface ChannelLease {
  readonly term: number;
  /** Followers are let in from now on. */
  open(door: ChannelDoor): void;
  /** The upstream client is ready. */
  ready(): void;
  /** Whether another process still serves the channel: that process goes on until this process is ready. */
  readonly isSucceeding: boolean;
  /** Settles when another process leads the channel. This leader goes on serving followers that have not left yet. */
  readonly succeeded: Promise<void>;
  /** After this call the process delivers no value any more, and followers that left may get values of the successor. */
  silent(): void;
  /** Lets a successor be appointed while this leader still serves. */
  resign(): void;
  /**
   * Gives the channel up. With the last channel of a port this process stops listening there at once and the port is free;
   * resolves when all sockets are gone too. Idempotent.
   */
  release(): Promise<void>;
}

export type Term =
  | { readonly kind: 'leader'; readonly lease: ChannelLease }
  | {
      readonly kind: 'follower';
      readonly endpoint: Endpoint;
      /** The port was found taken. False: this process does not compete, perhaps nobody is there. */
      readonly isPortHeld: boolean;
    };

/** What the port holder says to the process that shall lead. */
export interface Appointed {
  /** To the port holder. */
  readonly line: Connection;
  readonly term: number;
  readonly isSucceeding: boolean;
}
