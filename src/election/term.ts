// What an election gives: a term, which decides the role of this process for a channel.

import type { Endpoint } from '../endpoint';
import type { Connection } from '../transport/connection';
import type { ChannelDoor, Credentials } from '../transport/listener';
import type { PeerSettings } from '../transport/peer-settings';

/** How this process takes part at a cluster port. */
export interface Meeting extends PeerSettings {
  readonly endpoint: Endpoint;
  readonly credentials: Credentials;
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
