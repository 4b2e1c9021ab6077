// Leading a channel without holding the cluster port: this process listens on a separate port and keeps the port holder told of
// it. When the holder dies, it takes part in the race for the port itself and announces itself to whoever wins; the upstream
// client and the followers notice nothing.

import type { OwnChannelId } from '../../protocol/handshake';
import { formatEndpoint } from '../endpoint';
import { Backoff, delay } from '../time';
import { approach } from '../transport/approach';
import type { Connection } from '../transport/connection';
import type { ChannelDoor } from '../transport/listener';
import { HeldPort } from './held-port';
import type { Appointed, ChannelLease, Meeting } from './term';

/** Between tries to reach the next port holder, ms. */
const RETRY_MIN_MS = 5;
const RETRY_MAX_MS = 500;

export class AppointedLease implements ChannelLease {
  readonly term: number;
  readonly isSucceeding: boolean;
  readonly succeeded: Promise<void>;
  readonly #meeting: Meeting;
  readonly #channel: OwnChannelId;
  readonly #port: number;
  /** At the port of this process. */
  readonly #own: ChannelLease;
  readonly #line: Connection;
  readonly #life = new AbortController();
  #door: ChannelDoor | undefined;
  /** The tie to the present port holder, or to the directory of the cluster port when this process holds the cluster port. */
  #tie: Tie;
  #onSucceeded!: () => void;
  #isResigning = false;
  /** What was told last. */
  #lastTrouble = '';
  #keeping: Promise<void> | undefined;

  private constructor(
    meeting: Meeting,
    channel: OwnChannelId,
    { line, term, isSucceeding }: Appointed,
    own: ChannelLease,
    port: number,
  ) {
    this.#meeting = meeting;
    this.#channel = channel;
    this.term = term;
    this.#own = own;
    this.#port = port;
    this.#line = line;
    line.receiver = (message) => {
      if (message.type === 'appoint' && !message.isSucceeding) this.#announce(); // nobody else serves any more
    };
    this.isSucceeding = isSucceeding;
    this.#tie = tieOf(line);
    this.succeeded = new Promise((resolve) => {
      this.#onSucceeded = resolve;
    });
  }

  /** @returns undefined when another client of this process leads the channel already, in a term that is not older */
  static async open(meeting: Meeting, channel: OwnChannelId, appointed: Appointed): Promise<AppointedLease | undefined> {
    let lease: AppointedLease | undefined;
    try {
      lease = await HeldPort.own(meeting, (reception, port) => {
        const own = reception.enter(channel, appointed.term);
        return own && new AppointedLease(meeting, channel, appointed, own, port);
      });
      return lease;
    } finally {
      if (!lease) void appointed.line.close(); // lets the holder appoint the next candidate
    }
  }

  open(door: ChannelDoor): void {
    this.#door = door;
    this.#own.open(door);
    if (!this.isSucceeding) this.#announce();
    else void this.#line.closed.then(() => this.#announce()); // the port holder is gone, perhaps with the leader
  }

  ready(): void {
    this.#announce();
  }

  resign(): void {
    this.#isResigning = true;
    this.#tie.resign();
  }

  silent(): void {
    this.#tie.silent();
  }

  async release(): Promise<void> {
    this.#life.abort();
    await Promise.all([this.#tie.release(), this.#own.release()]);
    await this.#keeping;
  }

  #announce(): void {
    if (!this.#life.signal.aborted) this.#keeping ??= this.#keepAnnounced();
  }

  async #keepAnnounced(): Promise<void> {
    const { signal } = this.#life;
    const backoff = new Backoff(RETRY_MIN_MS, RETRY_MAX_MS);
    let line: Connection | undefined = this.#line;
    while (!signal.aborted) {
      const end = line && (await this.#served(line));
      if (end === 'succeeded') return;
      if (end === 'lost') {
        this.#lastTrouble = '';
        backoff.reset();
      } else await delay(this.#meeting.clock, backoff.nextMs(), signal);
      if (signal.aborted || (await this.#hold())) return;
      line = await this.#dial(signal);
    }
    await line?.close();
  }

  /** Announces this leader on a line and waits for the end of the line. `succeeded`: another process leads now */
  async #served(line: Connection): Promise<'succeeded' | 'refused' | 'lost'> {
    let end: 'succeeded' | 'refused' | 'lost' = 'lost';
    line.receiver = (message) => {
      if (message.type !== 'goaway' && message.type !== 'refusal') return;
      switch (message.code) {
        case 'not-proven':
          end = 'refused'; // that says nothing of who leads
          this.#warn(message.sentence);
          return;
        default: // `succeeded`, `superseded`, or a code of a later version: another process leads
          end = 'succeeded';
          this.#onSucceeded();
      }
    };
    this.#tie = tieOf(line);
    line.send({ type: 'announce', channel: this.#channel, term: this.term, port: this.#port });
    if (this.#isResigning) this.#tie.resign();
    await line.closed;
    return end;
  }

  /** @returns whether this process holds the cluster port, and so needs no line */
  async #hold(): Promise<boolean> {
    let lease: ChannelLease | 'superseded' | undefined;
    try {
      lease = await HeldPort.hold(this.#meeting, (reception) => reception.enter(this.#channel, this.term) ?? 'superseded');
    } catch {
      return false; // the holder may still be reached
    }
    if (!lease) return false;
    if (lease === 'superseded') {
      this.#onSucceeded();
      return true;
    }
    if (this.#life.signal.aborted) {
      await lease.release(); // all connections that were let in are gone
      return true;
    }
    this.#tie = lease;
    void lease.succeeded.then(this.#onSucceeded);
    if (this.#door) lease.open(this.#door);
    if (this.#isResigning) lease.resign();
    return true;
  }

  /** @returns a connection to the port holder; undefined when there is none */
  async #dial(signal: AbortSignal): Promise<Connection | undefined> {
    const { endpoint, credentials, connectTimeoutMs: timeoutMs } = this.#meeting;
    try {
      const line = await approach(
        { endpoint, credentials, settings: this.#meeting, channel: this.#channel.name, timeoutMs, signal },
        (introduction, connection) => {
          if (introduction.kind === 'unproven') this.#warn(introduction.why);
          if (introduction.kind === 'foreign') this.#warn(`it ${introduction.heard}`);
          return introduction.kind === 'known' && !signal.aborted ? connection : undefined;
        },
        (known) => known !== undefined,
      );
      if (line === undefined || 'unreachable' in line) return undefined;
      this.#lastTrouble = '';
      return line;
    } catch (error) {
      this.#warn((error as Error).message); // no secret
      return undefined;
    }
  }

  /** Warns that followers cannot find this leader meanwhile. */
  #warn(why: string): void {
    if (why === this.#lastTrouble) return;
    this.#lastTrouble = why;
    const { endpoint, logger } = this.#meeting;
    logger.warn(
      `${this.#channel.name}: this leader cannot announce itself at cluster port ${formatEndpoint(endpoint)}: ${why}; it goes on trying`,
    );
  }
}

type Tie = Pick<ChannelLease, 'resign' | 'silent' | 'release'>;

function tieOf(line: Connection): Tie {
  return {
    silent: () => void line.close(),
    resign: () => {
      line.send({ type: 'resign' });
    },
    release: () => line.close(),
  };
}
