// What the clients of one channel in this process know of each other. Several of them may have to lead it, as those of an agent
// do, but one leader is enough: a single client at a time seeks to lead, and the others follow it as soon as it leads.

import { isSameChannel, leadsApart, type OwnChannelId } from '../../protocol/handshake';
import type { Candidacy } from '../../protocol/candidacy';
import { PerScope, WHOLE_PROCESS, type ProcessScope } from '../process-scope';

/** A channel at a cluster port, as far as this process is concerned. */
interface OwnChannel {
  readonly port: number;
  readonly channel: OwnChannelId;
  /** Open clients of the channel. */
  clients: number;
  /** Number of clients that lead the channel: two for a moment during a hand-off inside this process. */
  leaders: number;
  /** Leading clients that were to succeed a leader of another process. */
  successors: number;
  /** Settles when every client that has asked for a turn so far has had a turn. */
  turns: Promise<void>;
  /** Whether another process has taken the channel over: a client here that had to lead would only take the channel back. */
  isSucceeded: boolean;
}

// On the global object: two modules of a program may have loaded two copies of this package.
const KEY = Symbol.for('trunkline#ownChannels');
const everywhere = ((globalThis as { [KEY]?: Set<OwnChannel> })[KEY] ??= new Set());
const ownChannelsOf = new PerScope(() => new Set<OwnChannel>());

/** A try to lead, during which no other client of this process that has to lead the channel tries. */
export interface Turn {
  /** How the client may lead in this try. */
  readonly candidacy: Candidacy;
  /** The client leads the channel until `ended` is fulfilled; the turn is over. */
  leads(ended: Promise<unknown>): void;
  /** The try is over. Idempotent. */
  end(): void;
}

export class Candidate {
  readonly #channels: Set<OwnChannel>;
  readonly #own: OwnChannel;
  #isGone = false;

  constructor(port: number, channel: OwnChannelId, scope: ProcessScope = WHOLE_PROCESS) {
    this.#channels = scope === WHOLE_PROCESS ? everywhere : ownChannelsOf.of(scope);
    const present = [...this.#channels].find(
      (own) => own.port === port && isSameChannel(own.channel, channel) && !leadsApart(channel, own.channel),
    );
    this.#own = present ?? { port, channel, clients: 0, leaders: 0, successors: 0, turns: Promise.resolve(), isSucceeded: false };
    this.#own.clients++;
    this.#channels.add(this.#own);
  }

  /**
   * Waits while another client of this process seeks to lead the channel, if this client has to lead. Ends at the latest when
   * the signal aborts.
   */
  async takeTurn(candidacy: Candidacy, signal: AbortSignal): Promise<Turn> {
    const own = this.#own;
    let end: () => void = () => undefined;
    if (candidacy === 'leads' || candidacy === 'succeeds') {
      const before = own.turns;
      const turn = new Promise<void>((resolve) => (end = resolve));
      own.turns = before.then(() => turn);
      await settledOrAborted(before, signal);
    }
    const isFulfilled = own.isSucceeded || (candidacy === 'succeeds' ? own.successors > 0 : own.leaders > 0);
    if (isFulfilled) end();
    return {
      candidacy: isFulfilled && candidacy !== 'follows' ? 'competes' : candidacy,
      leads: (ended) => {
        count(own, candidacy, 1);
        void ended.then(() => count(own, candidacy, -1));
        end();
      },
      end,
    };
  }

  /** Another leader has taken the channel over from this client. */
  succeeded(): void {
    if (this.#own.leaders < 2) this.#own.isSucceeded = true; // with two leaders, the successor is another client of this process
  }

  /** The client is closed. Idempotent. */
  leave(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    if (--this.#own.clients === 0) this.#channels.delete(this.#own);
  }
}

function count(own: OwnChannel, candidacy: Candidacy, one: 1 | -1): void {
  own.leaders += one;
  if (candidacy === 'succeeds') own.successors += one;
}

/** Resolves when the promise is fulfilled or the signal aborts, at the earlier of both moments. */
function settledOrAborted(settled: Promise<void>, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      signal.removeEventListener('abort', done);
      resolve();
    };
    signal.addEventListener('abort', done, { once: true });
    if (signal.aborted) done();
    void settled.then(done);
  });
}
