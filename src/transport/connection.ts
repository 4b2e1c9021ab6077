// A socket that speaks in messages. Hides framing, the codec, pings and pongs, and all the ways in which a socket can die: there
// is a single `closed` promise, which never rejects. Used by dialers and listeners.

import type { Socket } from 'node:net';
import { ChunkAssembler } from '../../protocol/chunks';
import { V1, type Dialect } from '../../protocol/dialects';
import { FrameReader } from '../../protocol/frame';
import type { Message, V2Message } from '../../protocol/message';
import type { Look } from '../../protocol/standing-messages';
import { IdSequence } from '../../protocol/id-sequence';
import { ProtocolError } from '../../protocol/protocol-error';
import { TrunklineError } from '../errors';
import type { ProcessReport } from '../process-report';
import type { Clock } from '../time';
import { Heartbeat } from './heartbeat';
import { LagMeter } from './lag-meter';
import { gatherReports, readReports } from './looks';
import { Outbox } from './outbox';

/** Why a connection ended. */
export type ConnectionEnd =
  | { readonly reason: 'closed' }
  | { readonly reason: 'ended-by-peer'; readonly error?: Error }
  | { readonly reason: 'not-understood'; readonly error: ProtocolError }
  | { readonly reason: 'silent'; readonly error: TrunklineError };

export type Receiver = (message: Message | V2Message) => void;

/** A close flushes what is queued, but a peer that does not read gets no longer than this, ms. */
const FLUSH_MS = 1_000;

export class Connection {
  /** Fingerprint of the methods that the other side shares, from the hello; undefined when the hello has none. */
  peerMethods: string | undefined;
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #reader = new FrameReader(V1.framing);
  readonly #outbox: Outbox;
  #heartbeat: Heartbeat | undefined;
  /** What the heartbeat was started with. */
  #heartbeatName = '';
  #receive: Receiver = () => undefined;
  #end: ConnectionEnd | undefined;
  readonly #ids = new IdSequence();
  #messagesHeard = 0;
  #dialect: Dialect = V1;
  #assembler: ChunkAssembler | undefined;
  /** How many bytes the other side may still send as a stranger. */
  #allowance = Infinity;

  /** For log lines: the port of the other side. */
  readonly remotePort: number | undefined;
  /** As the other side sees `remotePort`. */
  readonly localPort: number | undefined;
  /** When anything was heard last, on the clock. */
  lastHeardAt: number;
  readonly #lag = new LagMeter();
  #isTrusted = false;
  /** Looks that wait for an answer, by id. */
  readonly #looks = new Map<number, (reports: ProcessReport[]) => void>();
  /** Settles when the socket is gone, no matter which side closed the socket. */
  readonly closed: Promise<ConnectionEnd>;

  constructor(socket: Socket, clock: Clock) {
    this.#socket = socket;
    this.remotePort = socket.remotePort; // the socket forgets the port when closed
    this.localPort = socket.localPort;
    this.#clock = clock;
    this.lastHeardAt = clock.now();
    this.#outbox = new Outbox(socket, clock);
    let socketError: Error | undefined;
    socket.on('data', (chunk: Buffer) => {
      this.#onData(chunk);
    });
    socket.on('error', (error) => {
      socketError = error;
    });
    // The other side is gone for this process when the other side stops talking: a half-open connection serves nobody.
    socket.on('end', () => {
      socket.destroy();
    });
    this.closed = new Promise((resolve) => {
      socket.once('close', () => {
        this.#heartbeat?.stop();
        this.#outbox.stop();
        this.#end ??= { reason: 'ended-by-peer', ...(socketError && { error: socketError }) };
        resolve(this.#end);
      });
    });
  }

  /** How many messages of the other side followed the protocol. */
  get messagesHeard(): number {
    return this.#messagesHeard;
  }

  /** Largest frame that is accepted, header included. */
  set maxFrameBytes(bytes: number) {
    this.#reader.maxFrameBytes = bytes;
  }

  /** How many bytes the other side may send in all until trusted: many small messages cost as much as a large message. */
  set maxStrangerBytes(bytes: number) {
    this.#allowance = bytes;
  }

  /** The function that gets all further messages. Pings and pongs are handled inside. */
  set receiver(receive: Receiver) {
    this.#receive = receive;
  }

  /**
   * The function that gets events by the number of the topic, as soon as this is set, instead of the receiver. Few functions lie between the
   * socket and this function. An event that was cut into pieces still goes to the receiver.
   */
  set eventReceiver(receive: (topic: number, payload: Buffer) => void) {
    const { events } = this.#dialect;
    if (!events || this.#end) return;
    this.#reader.takeInPlace = (chunk, start, end) => {
      const topic = events.topicAt(chunk, start);
      if (topic === undefined) return false;
      this.#messagesHeard++;
      if (!this.#end) receive(topic, chunk.subarray(start + events.headerBytes, end));
      return true;
    };
  }

  /** An id for the next request of this side. @param isTaken whether a request with this id still waits for the answer */
  nextId(isTaken?: (id: number) => boolean): number {
    return this.#ids.next(isTaken);
  }

  /** What this side writes, and what can be said. */
  get dialect(): Dialect {
    return this.#dialect;
  }

  /**
   * From here on this side writes this dialect, and the other side may. @param maxFrameBytes limit until the other side is trusted
   */
  upgrade(dialect: Dialect, maxFrameBytes = dialect.maxFrameBytes): void {
    this.#dialect = dialect;
    if (dialect.hasChunks) this.#outbox.upgrade();
    this.#reader.upgrade(dialect.framing, maxFrameBytes);
  }

  /**
   * The other side has proved to be a process of this user, or no proof is required: the other side gets the full limits of the
   * wire version.
   */
  trust(): void {
    this.#isTrusted = true;
    this.#allowance = Infinity;
    this.#reader.maxFrameBytes = this.#dialect.maxFrameBytes;
    this.#assembler = new ChunkAssembler();
  }

  /** What waits in this process for the other side to read, bytes. */
  get outboxBytes(): number {
    return this.#outbox.bytes;
  }

  /** How long the oldest of these bytes waits, ms, as far as earlier looks can tell. */
  measureLag(): number {
    return this.#lag.look(this.#clock.now(), this.#outbox.sentBytes, this.#outbox.bytes);
  }

  /** `outboxBytes` without the largest message: a single message may have any length. */
  get backlogBytes(): number {
    return this.#outbox.backlogBytes;
  }

  /** Whether so little waits that `whenDrained` would perhaps never call. */
  get isDrained(): boolean {
    return this.#outbox.isDrained;
  }

  /**
   * Calls back once, when everything that waits now has left; call this only when the connection is not drained. The same function
   * is called once, however often it waits.
   */
  whenDrained(callback: () => void): void {
    this.#outbox.whenDrained(callback);
  }

  /**
   * @param onTooSlow the other side does not read: messages that must arrive, which is all but events, exceed the limit; may be
   * called again
   */
  limitOutbox(maxBytes: number, onTooSlow: () => void): void {
    this.#outbox.limit(maxBytes, onTooSlow);
  }

  /** Queues a message that the dialect of this connection can say and that the other side must get; without effect after the end. */
  send(message: Message | V2Message): void {
    if (this.#isOver) return;
    this.#outbox.writeRequired(this.#dialect.encode(message));
  }

  /** Queues the frame of an event in the dialect of this connection. Callers check `outboxBytes` first. */
  sendEvent(frame: Buffer): void {
    if (!this.#isOver) this.#outbox.writeEvent(frame);
  }

  /** Asks the other side, which answers looks, for reports; empty when the connection ends before the answer. */
  look(hops: number): Promise<ProcessReport[]> {
    return new Promise((resolve) => {
      const id = this.nextId((taken) => this.#looks.has(taken));
      this.#looks.set(id, resolve);
      this.send({ type: 'look', id, hops });
      void this.closed.then(() => resolve([]));
    });
  }

  /** Answers a question of a side that is trusted. */
  async answerLook({ id, hops }: Look): Promise<void> {
    const reports = await gatherReports(hops);
    this.send({ type: 'look-result', id, text: JSON.stringify(reports) });
  }

  ping(timeoutMs: number): void {
    this.send({ type: 'ping', id: this.nextId(), timeoutMs });
  }

  /**
   * Pings from now on, and ends the connection when the other side stays silent. Without effect when exactly this was started before.
   * @param peer what the other side is, for the error
   */
  startHeartbeat(intervalMs: number, peer: 'leader' | 'follower', channel: string): void {
    const name = `${intervalMs} ${peer} ${channel}`;
    if (this.#heartbeatName === name) return;
    this.#heartbeatName = name;
    this.#heartbeat?.stop();
    this.#heartbeat = new Heartbeat(
      this.#clock,
      intervalMs,
      () => {
        this.ping(intervalMs);
      },
      (silentMs) => {
        const error = new TrunklineError(
          'ERR_TRUNKLINE_PEER_SILENT',
          `${channel}: the ${peer} was silent for ${Math.round(silentMs)} ms (heartbeatInterval=${intervalMs}); ` +
            'it is stopped, blocked, or its connection is dead',
          { channel, side: peer, silentMs: Math.round(silentMs) },
        );
        this.#abandon({ reason: 'silent', error });
      },
    );
  }

  /** Flushes what is queued and closes. Idempotent. */
  async close(): Promise<void> {
    if (!this.#end) {
      this.#end = { reason: 'closed' };
      this.#heartbeat?.stop();
      this.#receive = () => undefined;
      this.#outbox.flush();
      this.#socket.destroySoon();
      const timer = this.#clock.setTimeout(() => this.#socket.destroy(), FLUSH_MS);
      timer.unref();
      void this.closed.then(() => {
        this.#clock.clearTimeout(timer);
      });
    }
    await this.closed;
  }

  #onData(chunk: Buffer): void {
    if (this.#end) return;
    this.lastHeardAt = this.#clock.now();
    this.#heartbeat?.heard(this.lastHeardAt);
    this.#allowance -= chunk.length;
    try {
      this.#reader.push(chunk, (frame) => {
        this.#onFrame(frame);
        return this.#end === undefined;
      });
      if (this.#allowance < 0) throw new ProtocolError('a stranger says too much', chunk);
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error;
      this.#abandon({ reason: 'not-understood', error });
    }
  }

  #onFrame(frame: Buffer): void {
    // The other side may still write version 1 after this side has gone on.
    const message = (frame[0] === this.#dialect.version ? this.#dialect : V1).decode(frame);
    if (message.type !== 'chunk') {
      this.#onMessage(message);
      return;
    }
    if (!this.#assembler) throw new ProtocolError('a chunk of a stranger', frame);
    const whole = this.#assembler.push(message);
    if (whole) this.#onMessage(this.#dialect.decode(whole));
  }

  #onMessage(message: Message | V2Message): void {
    this.#messagesHeard++;
    switch (message.type) {
      case 'ping':
        this.send({ type: 'pong', id: message.id, timeoutMs: message.timeoutMs });
        return;
      case 'pong':
      case 'event-ack':
      case 'unknown':
        return; // pings and pongs carry no other news
      case 'look':
        if (this.#isTrusted) void this.answerLook(message);
        else this.#receive(message);
        return;
      case 'look-result':
        this.#looks.get(message.id)?.(readReports(message.text));
        this.#looks.delete(message.id);
        return;
      default:
        this.#receive(message);
    }
  }

  get #isOver(): boolean {
    return this.#end !== undefined || this.#socket.destroyed;
  }

  /** Closes without flushing: the other side gets no more of this process's time. */
  drop(): void {
    this.#abandon({ reason: 'closed' });
  }

  #abandon(end: ConnectionEnd): void {
    this.#heartbeat?.stop();
    this.#end ??= end;
    this.#receive = () => undefined;
    this.#socket.destroy();
  }
}
