// The election: whoever binds the cluster port leads. One campaign is one attempt; the failover loop
// (src/client/failover.ts) decides when to try again.

import { formatEndpoint, loopback } from '../endpoint';
import { TrunklineError } from '../errors';
import { claimChannel } from './held-port';
import type { Election, Term } from './term';

export class PortRace implements Election {
  readonly #port: number;
  readonly #channel: string;
  readonly #isLeader: boolean | undefined;
  #number = 0;

  /** @param isLeader true: must lead; false: never leads; undefined: competes */
  constructor(port: number, channel: string, isLeader: boolean | undefined) {
    this.#port = port;
    this.#channel = channel;
    this.#isLeader = isLeader;
  }

  async campaign(): Promise<Term> {
    const number = ++this.#number;
    const endpoint = loopback(this.#port);
    if (this.#isLeader !== false) {
      const lease = await claimChannel(this.#port, this.#channel);
      if (lease) return { kind: 'leader', number, lease };
      if (this.#isLeader) {
        throw new TrunklineError(
          'ERR_TRUNKLINE_PORT_TAKEN',
          `${this.#channel}: isLeader is true, but ${formatEndpoint(endpoint)} is occupied by another leader or a foreign program; ` +
            'stop that process, choose another port, or leave isLeader unset',
          { channel: this.#channel, port: this.#port },
        );
      }
    }
    return { kind: 'follower', number, endpoint, isPortHeld: this.#isLeader !== false };
  }
}
