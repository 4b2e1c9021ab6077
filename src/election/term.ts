// What an election gives: a term, which decides the role of this process for a channel.

import type { Server } from 'node:net';
import type { Endpoint } from '../endpoint';

/** One channel of a bound cluster port. While it is held, no other process can lead the channel. */
export interface ChannelLease {
  /** The bound server; all channels that this process leads on the port share it. */
  readonly server: Server;
  readonly endpoint: Endpoint;
  /**
   * Gives the channel up. With the last channel the server stops listening at once and the port is free;
   * resolves when its sockets are gone too. Idempotent.
   */
  release(): Promise<void>;
}

export type Term =
  | { readonly kind: 'single'; readonly number: number }
  | { readonly kind: 'leader'; readonly number: number; readonly lease: ChannelLease }
  | {
      readonly kind: 'follower';
      readonly number: number;
      readonly endpoint: Endpoint;
      /** The port was found taken. False: this process does not compete, perhaps nobody is there. */
      readonly isPortHeld: boolean;
    };

export interface Election {
  /**
   * Takes part once and says what came out.
   * @throws TrunklineError when this process must lead and cannot, or the port cannot be bound at all
   */
  campaign(): Promise<Term>;
}

/** Single mode: nobody to compete with. */
export class Unopposed implements Election {
  #number = 0;

  campaign(): Promise<Term> {
    return Promise.resolve({ kind: 'single', number: ++this.#number });
  }
}
