// Answers processes that come to a port of this process: lets in followers of a leader in this process, redirects to another
// leader, appoints a leader, or lets the process wait. The directory decides which answer is given.

import type { Server } from 'node:net';
import type { Candidacy } from '../../protocol/candidacy';
import type { GoawayCode, RefusalCode, WaitCode } from '../../protocol/codes';
import { hasOtherArguments, type OwnChannelId } from '../../protocol/handshake';
import type { Announce, ChannelId, Join, Register } from '../../protocol/message';
import { patientTimeout, type Clock, type Patience } from '../time';
import type { Connection } from '../transport/connection';
import { Listener, type ChannelDoor, type ListenerOwner } from '../transport/listener';
import { Directory, type Asker, type Leadership } from './directory';
import type { ChannelLease, Meeting } from './term';

/** How long an appointed process may take until announced as a leader when nobody else serves the channel, ms. */
const ANNOUNCE_MS = 2_000;
/** How long earlier leaders may take to announce channels after a change of the port holder, ms. */
const SETTLE_MS = 200;
/** How long processes that left a leader wait until the leader is known to be silent, ms. */
const SILENCE_MS = 250;

/** The most channels that a sentence names. */
const MAX_NAMED = 20;
const MAX_NAME_LENGTH = 100;

const SENTENCES = {
  'led-elsewhere': 'another process leads the channel',
  'not-led-here': 'this process does not lead the channel any more',
  superseded: 'another process leads the channel with a newer term',
  'no-leader': 'no process leads the channel yet',
  'hand-off': 'the successor of the leader is getting ready',
  succeeded: 'another process leads the channel now',
} as const satisfies { readonly [C in RefusalCode | WaitCode | GoawayCode]?: string };

export interface ReceptionOptions {
  /** The server, already listening. */
  readonly server: Server;
  readonly meeting: Meeting;
  /** Whether the server listens at the cluster port. */
  readonly appoints: boolean;
  /** Whether another process held the cluster port before. */
  readonly hasPredecessor: boolean;
  /** Called when a channel of this process was given up. */
  onRelease(): Promise<void>;
}

export class Reception implements ListenerOwner {
  readonly #options: ReceptionOptions;
  readonly #directory: Directory;
  readonly #leases = new Set<LocalLease>();
  /** Peers of cluster-client 3.x that ask for a channel which nobody here leads yet. */
  readonly #legacyPeers = new Map<Connection, { readonly register: Register; readonly keep: () => void }>();
  readonly #settled: Promise<void>;
  #settling: Patience | undefined;
  readonly #listener: Listener;
  #lastWarning = '';
  /** Under way. */
  #claims = 0;
  /** Names that several channels have, told once. */
  readonly #namesakes = new Set<string>();

  constructor(options: ReceptionOptions) {
    const { server, meeting, appoints, hasPredecessor } = options;
    this.#options = options;
    this.#directory = new Directory(appoints, hasPredecessor);
    this.#settled = new Promise((resolve) => {
      if (!hasPredecessor) resolve();
      this.#settling = patientTimeout(meeting.clock, SETTLE_MS, () => {
        this.#directory.settled();
        resolve();
      });
    });
    this.#listener = new Listener({ server, credentials: meeting.credentials, clock: meeting.clock, owner: this });
  }

  /** Whether nobody in this process leads a channel here, or is about to. */
  get isEmpty(): boolean {
    return this.#leases.size === 0 && this.#claims === 0;
  }

  /** @returns undefined when another process leads the channel, or is about to */
  async claim(channel: OwnChannelId, seenTerm: number): Promise<ChannelLease | undefined> {
    this.#claims++;
    if (seenTerm === 0) await this.#settled; // an earlier leader may be about to arrive
    this.#claims--;
    const term = this.#directory.vacancy(channel, seenTerm);
    return term === undefined ? undefined : this.enter(channel, term);
  }

  /** Like `claim`, for a leader that has a term. @returns undefined when another process has a newer term */
  enter(channel: OwnChannelId, term: number): ChannelLease | undefined {
    const lease = new LocalLease(channel, term, this.#listener.port, this.#options.meeting.clock, {
      onOpen: (door) => {
        for (const [connection, { register, keep }] of this.#legacyPeers) {
          if (register.channel === channel.name) this.#admitLegacy(door, connection, register, keep);
        }
      },
      resign: () => {
        this.#directory.resign(lease);
      },
      release: () => {
        this.#leases.delete(lease);
        this.#directory.leave(lease);
        return this.#options.onRelease();
      },
    });
    this.#leases.add(lease);
    if (!this.#enter(lease)) {
      this.#leases.delete(lease);
      return undefined;
    }
    for (const other of this.#leases) {
      if (other.channel.name === channel.name && hasOtherArguments(other.channel, channel)) other.door?.sendOn(channel);
    }
    return lease;
  }

  close(): void {
    this.#settling?.cancel();
  }

  onPeer(connection: Connection, opening: Join | Announce): void {
    const { heartbeatIntervalMs } = this.#options.meeting;
    if (heartbeatIntervalMs !== undefined) connection.startHeartbeat(heartbeatIntervalMs, 'follower', opening.channel.name);
    if (opening.type === 'announce') this.#onAnnounce(connection, opening);
    else this.#onJoin(connection, opening);
  }

  onLegacyPeer(connection: Connection, register: Register, keep: () => void): void {
    // Until a process of cluster-client 3.x is let in, the process may only ask again, as often as necessary.
    connection.receiver = (message) => {
      if (message.type === 'register') this.onLegacyPeer(connection, message, keep);
    };
    const lease = [...this.#leases].find(({ channel }) => channel.name === register.channel);
    if (lease?.door) {
      this.#admitLegacy(lease.door, connection, register, keep);
      return;
    }
    if (this.#options.meeting.allowsLegacyPeers) keep();
    const isNew = !this.#legacyPeers.has(connection);
    this.#legacyPeers.set(connection, { register, keep });
    if (isNew) void connection.closed.then(() => this.#legacyPeers.delete(connection));
  }

  warn(message: string): void {
    if (message !== this.#lastWarning) this.#options.meeting.logger.warn(message);
    this.#lastWarning = message;
  }

  debug(message: string): void {
    this.#options.meeting.logger.debug?.(message);
  }

  #onJoin(connection: Connection, join: Join): void {
    const asker = new RemoteAsker(connection, join, this.#options.meeting, () => this.#directory.channelNames);
    connection.receiver = (message) => {
      if (message.type !== 'announce') return;
      asker.announced();
      this.#onAnnounce(connection, message);
    };
    void connection.closed.then(() => {
      asker.announced();
      this.#directory.withdraw(asker);
    });
    this.#directory.ask(asker);
  }

  #onAnnounce(connection: Connection, announce: Announce): void {
    const leader = new RemoteLeader(connection, announce, this.#options.meeting.clock);
    connection.receiver = (message) => {
      if (message.type === 'resign') this.#directory.resign(leader);
    };
    void connection.closed.then(() => {
      this.#directory.leave(leader);
    });
    if (!this.#enter(leader)) refuse(connection, 0, 'superseded');
  }

  #enter(leader: Leadership): boolean {
    const isEntered = this.#directory.enter(leader);
    const { name } = leader.channel;
    if (isEntered && !this.#namesakes.has(name) && this.#directory.hasNamesake(leader.channel)) {
      this.#namesakes.add(name);
      this.#options.meeting.logger.info(
        `${name}: there are processes with different constructor arguments, so these are different channels, each with an upstream client ` +
          "of its own; if they shall share one, set identity: 'warn'; if not, give them different names",
      );
    }
    return isEntered;
  }

  #admitLegacy(door: ChannelDoor, connection: Connection, register: Register, keep: () => void): void {
    const wasKept = this.#legacyPeers.delete(connection) && this.#options.meeting.allowsLegacyPeers;
    let isLetIn = false;
    door.admitLegacy(connection, register, () => {
      isLetIn = true;
      keep();
    });
    // This channel refuses a peer that other channels of this process let in. The connection has exceeded the time of a
    // stranger.
    if (wasKept && !isLetIn) void connection.close();
  }
}

/** A process that has sent a join, from the view of the directory. */
class RemoteAsker implements Asker {
  readonly #connection: Connection;
  readonly #join: Join;
  readonly #meeting: Meeting;
  readonly #knownChannels: () => readonly string[];
  #patience: Patience | undefined;
  #lastSentence = '';

  /** @param knownChannels names of what is led at this port */
  constructor(connection: Connection, join: Join, meeting: Meeting, knownChannels: () => readonly string[]) {
    this.#connection = connection;
    this.#join = join;
    this.#meeting = meeting;
    this.#knownChannels = knownChannels;
  }

  get channel(): ChannelId {
    return this.#join.channel;
  }

  get candidacy(): Candidacy {
    return this.#join.candidacy;
  }

  get term(): number {
    return this.#join.term;
  }

  serve(leader: Leadership): void {
    if (leader instanceof LocalLease) {
      leader.admit(this.#connection, this.#join);
      return;
    }
    this.#connection.send({ type: 'redirect', id: this.#join.id, term: leader.term, port: leader.port });
    void this.#connection.close();
  }

  appoint(term: number, isSucceeding: boolean): void {
    this.#connection.send({ type: 'appoint', id: this.#join.id, term, isSucceeding });
    if (isSucceeding) return; // somebody serves meanwhile
    this.#patience ??= patientTimeout(this.#meeting.clock, ANNOUNCE_MS, () => void this.#connection.close());
  }

  /** The appointed process leads, or is gone. */
  announced(): void {
    this.#patience?.cancel();
  }

  refuse(code: 'led-elsewhere' | 'not-led-here'): void {
    refuse(this.#connection, this.#join.id, code);
  }

  wait(code: Exclude<WaitCode, 'upstream'>): void {
    const sentence = code === 'no-leader' ? `${SENTENCES[code]}; ${this.#known()}` : SENTENCES[code];
    if (sentence === this.#lastSentence) return;
    this.#lastSentence = sentence;
    this.#connection.send({ type: 'wait', id: this.#join.id, code, sentence });
  }

  #known(): string {
    const names = this.#knownChannels();
    if (names.length === 0) return 'no channel is led at this port';
    const shown = names.slice(0, MAX_NAMED).map((name) => {
      const text = JSON.stringify(name.slice(0, MAX_NAME_LENGTH));
      return name === this.channel.name ? `${text} (with other constructor arguments)` : text;
    });
    const more = names.length > MAX_NAMED ? ` and ${names.length - MAX_NAMED} more` : '';
    return `channels that are led at this port: ${shown.join(', ')}${more}`;
  }
}

function refuse(connection: Connection, id: number, code: RefusalCode & keyof typeof SENTENCES): void {
  connection.send({ type: 'refusal', id, code, sentence: SENTENCES[code], payload: Buffer.alloc(0) });
  void connection.close();
}

/**
 * Calls back after the time that a leader gets to fall silent. @returns to be called when the leader is silent: calls back then,
 * and only once
 */
function awaitSilence(clock: Clock, onSilent: () => void): () => void {
  const patience = patientTimeout(clock, SILENCE_MS, onSilent);
  return () => {
    patience.cancel();
    onSilent();
  };
}

/** A leader that listens elsewhere; the leadership lasts as long as the connection to this process. */
class RemoteLeader implements Leadership {
  readonly isHere = false;
  readonly channel: ChannelId;
  readonly term: number;
  readonly port: number;
  readonly #connection: Connection;
  readonly #clock: Clock;

  constructor(connection: Connection, { channel, term, port }: Announce, clock: Clock) {
    this.#connection = connection;
    this.#clock = clock;
    this.channel = channel;
    this.term = term;
    this.port = port;
  }

  tellSucceeded(onSilent: () => void): void {
    void this.#connection.closed.then(awaitSilence(this.#clock, onSilent));
    this.#connection.send({ type: 'goaway', code: 'succeeded', sentence: SENTENCES.succeeded });
  }
}

interface LeaseHooks {
  onOpen(door: ChannelDoor): void;
  resign(): void;
  release(): Promise<void>;
}

/** A leader in this process. */
class LocalLease implements Leadership, ChannelLease {
  readonly isHere = true;
  readonly isSucceeding = false;
  readonly channel: OwnChannelId;
  readonly term: number;
  readonly port: number;
  readonly succeeded: Promise<void>;
  readonly #hooks: LeaseHooks;
  #door: ChannelDoor | undefined;
  /** Requests that came before the door was open. */
  #early: { readonly connection: Connection; readonly join: Join }[] = [];
  #released: Promise<void> | undefined;
  #onSucceeded!: () => void;
  readonly #clock: Clock;
  #onSilent: () => void = () => undefined;

  constructor(channel: OwnChannelId, term: number, port: number, clock: Clock, hooks: LeaseHooks) {
    this.#clock = clock;
    this.channel = channel;
    this.term = term;
    this.port = port;
    this.#hooks = hooks;
    this.succeeded = new Promise((resolve) => {
      this.#onSucceeded = resolve;
    });
  }

  get door(): ChannelDoor | undefined {
    return this.#door;
  }

  open(door: ChannelDoor): void {
    this.#door = door;
    for (const { connection, join } of this.#early.splice(0)) door.admit(connection, join);
    this.#hooks.onOpen(door);
  }

  admit(connection: Connection, join: Join): void {
    if (this.#door) this.#door.admit(connection, join);
    else this.#early.push({ connection, join });
  }

  ready(): void {
    // The remote leader was entered when the announcement arrived.
  }

  tellSucceeded(onSilent: () => void): void {
    this.#onSilent = awaitSilence(this.#clock, onSilent);
    this.#onSucceeded();
  }

  silent(): void {
    this.#onSilent();
  }

  resign(): void {
    this.#hooks.resign();
  }

  release(): Promise<void> {
    this.#released ??= this.#release();
    return this.#released;
  }

  async #release(): Promise<void> {
    const released = this.#hooks.release();
    this.silent();
    // Only this object knows these connections. The askers ask again.
    for (const { connection } of this.#early.splice(0)) void connection.close();
    await released;
  }
}
