// The write queue of a connection: frames of one tick leave in one system call. Long frames of version 2 leave in chunks,
// as fast as the socket takes them, and other frames go in between.

import type { Socket } from 'node:net';
import { ChunkSender } from '../../protocol/chunks';
import { nextTick, patientTimeout, soon, type Clock, type Patience } from '../time';

/**
 * Frames up to this length are copied together: a stream takes longer over a thousand small buffers than over their copy.
 * Measured when each subscription was a frame, 1,000 keys, both sides: 0.92 of the CPU time. 64 calls in flight: no difference.
 */
const COPIED_BYTES = 512;
/** … into buffers of this length at most: very many of them in one tick need no second copy in one piece. */
const MERGED_BYTES = 64 * 1024;

/** Answers beyond the limit may be a burst to a side that reads: it takes at least as much as the limit within this time, ms. */
const BURST_MS = 2_000;
/** What is more than so many times the limit is no burst. */
const BURST_FACTOR = 8;

export class Outbox {
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #chunks = new ChunkSender();
  /** What has been written and is not yet with the socket. */
  #frames: Buffer[] = [];
  #framesBytes = 0;
  #hasTick = false;
  #lastEventTurn = 0;
  #inChunks = false;
  #isWaiting = false;
  #onDrained: (() => void) | undefined;
  #maxBytes = Infinity;
  #onTooSlow: () => void = () => undefined;
  /** Of the frames that cannot be left out and were written since nothing waited; and of the largest of them. */
  #requiredBytes = 0;
  #largestBytes = 0;
  /** How much will have been sent when everything has left that waited at the last look; and the required part of it. */
  #markBytes = 0;
  #requiredAtMark = 0;
  #patience: Patience | undefined;

  constructor(socket: Socket, clock: Clock) {
    this.#socket = socket;
    this.#clock = clock;
  }

  /** What waits in this process for the other side to read. */
  get bytes(): number {
    return this.#socket.writableLength + this.#framesBytes + this.#chunks.bytes;
  }

  /** The same beside the largest frame that must arrive: a single one may be of any length. */
  get backlogBytes(): number {
    return this.bytes - this.#largestBytes;
  }

  /** Whether what waits is too little to wait for: `whenDrained` would perhaps never call. */
  get isDrained(): boolean {
    const { writableNeedDrain, writableLength, writableHighWaterMark } = this.#socket;
    return !writableNeedDrain && writableLength + this.#framesBytes < writableHighWaterMark && this.#chunks.bytes === 0;
  }

  /** Frames are those of version 2 from now on. */
  upgrade(): void {
    this.#inChunks = true;
  }

  /** @param onTooSlow the other side does not read: frames that cannot be left out are more than the limit, beside the largest of them */
  limit(maxBytes: number, onTooSlow: () => void): void {
    this.#maxBytes = maxBytes;
    this.#onTooSlow = onTooSlow;
  }

  /** Goes after this tick. */
  write(frame: Buffer): void {
    this.#noteWrite();
    if (this.#isForChunks(frame)) return;
    this.#add(frame);
    if (this.#hasTick) return;
    this.#hasTick = true;
    nextTick(this.#onTick);
  }

  /** The same for a frame that cannot be left out. */
  writeRequired(frame: Buffer): void {
    this.write(frame);
    this.#requiredBytes += frame.length;
    if (frame.length > this.#largestBytes) this.#largestBytes = frame.length;
    if (this.#requiredBytes > this.#maxBytes / 2) this.#forgetRead();
    if (this.#requiredBytes > this.#maxBytes) this.#judge();
  }

  /**
   * The same for an event. The first one in a turn of the event loop goes after its tick, later ones together at the end of
   * the turn: an upstream client that gives 2,000 values, each in a callback of its own, costs tens of system calls.
   */
  writeEvent(frame: Buffer): void {
    if (this.#lastEventTurn !== turn.number) {
      this.#lastEventTurn = turn.number;
      turn.watch();
      this.write(frame);
      return;
    }
    this.#noteWrite();
    if (this.#isForChunks(frame)) return;
    this.#add(frame);
    if (this.#frames.length === 1) turn.ending.push(this);
  }

  /** Calls back once, when what waits now has left; only to be asked when it is not drained. */
  whenDrained(callback: () => void): void {
    this.#onDrained = callback;
    // What waits for the end of the turn too: a socket that takes the rest before it has no more reason to tell.
    this.flushFrames();
    if (this.#isWaiting || !this.isDrained) {
      this.#awaitDrain();
      return;
    }
    // The system took all of it at once, and then there is no `drain`.
    this.#isWaiting = true;
    soon(this.#pump);
  }

  /** Everything that still waits goes to the socket now: it is about to end. */
  flush(): void {
    this.stop();
    for (let parts = this.#chunks.next(); parts; parts = this.#chunks.next()) for (const part of parts) this.#add(part);
    this.flushFrames();
  }

  /** The same but for long frames, which go on in chunks. */
  flushFrames(): void {
    if (this.#frames.length === 0) return;
    const frames = this.#frames;
    this.#frames = [];
    this.#framesBytes = 0;
    if (frames.length === 1) {
      this.#socket.write(frames[0]!);
      return;
    }
    this.#socket.cork();
    for (const buffer of merged(frames)) this.#socket.write(buffer);
    this.#socket.uncork();
  }

  /** Nothing of it matters any more. */
  stop(): void {
    this.#patience?.cancel();
    this.#onDrained = undefined;
    this.#onTooSlow = () => undefined;
  }

  /** A connection that is never idle: what was written before the last look and has left counts no more. */
  #forgetRead(): void {
    const sentBytes = this.#sentBytes();
    if (sentBytes < this.#markBytes) return;
    this.#requiredBytes -= this.#requiredAtMark;
    this.#requiredAtMark = this.#requiredBytes;
    this.#markBytes = sentBytes + this.bytes;
  }

  #judge(): void {
    const excess = this.#excess();
    if (excess > BURST_FACTOR) this.#onTooSlow();
    else if (excess > 1) this.#patience ??= this.#watch();
  }

  /** The required part of what waits, as a multiple of the limit. */
  #excess(): number {
    return Math.min(this.#requiredBytes - this.#largestBytes, this.bytes) / this.#maxBytes;
  }

  #watch(): Patience {
    const sentBefore = this.#sentBytes();
    return patientTimeout(this.#clock, BURST_MS, () => {
      this.#patience = undefined;
      this.#forgetRead();
      if (this.#excess() <= 1) return;
      if (this.#sentBytes() - sentBefore < this.#maxBytes) this.#onTooSlow();
      else this.#patience = this.#watch();
    });
  }

  /** What the system has taken since the beginning. */
  #sentBytes(): number {
    return this.#socket.bytesWritten - this.#socket.writableLength;
  }

  #noteWrite(): void {
    if (this.bytes === 0) this.#requiredBytes = this.#requiredAtMark = this.#largestBytes = 0;
  }

  /** Whether it goes in chunks, or behind such a frame. */
  #isForChunks(frame: Buffer): boolean {
    if (!this.#inChunks || !this.#chunks.offer(frame)) return false;
    if (!this.#isWaiting) this.#pump();
    return true;
  }

  #add(frame: Buffer): void {
    this.#frames.push(frame);
    this.#framesBytes += frame.length;
  }

  readonly #onTick = (): void => {
    this.#hasTick = false;
    this.flushFrames();
  };

  readonly #pump = (): void => {
    this.#isWaiting = false;
    this.flushFrames(); // what was written before
    while (!this.#socket.writableNeedDrain) {
      const parts = this.#chunks.next();
      if (!parts) {
        const callback = this.#onDrained;
        this.#onDrained = undefined;
        callback?.();
        return;
      }
      this.#socket.cork();
      for (const part of parts) this.#socket.write(part);
      this.#socket.uncork();
    }
    this.#awaitDrain();
  };

  #awaitDrain(): void {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    this.#socket.once('drain', this.#pump);
  }
}

/** Neighbours that are small as one buffer, the others as they are. */
function merged(frames: readonly Buffer[]): Buffer[] {
  const buffers: Buffer[] = [];
  let start = 0;
  let bytes = 0;
  for (let i = 0; i <= frames.length; i++) {
    const frame = frames[i];
    const isSmall = frame !== undefined && frame.length <= COPIED_BYTES;
    if (isSmall && bytes + frame.length <= MERGED_BYTES) {
      bytes += frame.length;
      continue;
    }
    if (i - start === 1) buffers.push(frames[start]!);
    else if (i > start) buffers.push(Buffer.concat(frames.slice(start, i), bytes));
    start = isSmall ? i : i + 1;
    bytes = isSmall ? frame.length : 0;
    if (frame && !isSmall) buffers.push(frame);
  }
  return buffers;
}

/** The present turn of the event loop, for all outboxes of this process. */
const turn = {
  number: 1,
  isWatched: false,
  /** They have events that wait for its end. */
  ending: [] as Outbox[],

  watch(): void {
    if (this.isWatched) return;
    this.isWatched = true;
    soon(() => {
      this.isWatched = false;
      this.number++;
      const outboxes = this.ending;
      this.ending = [];
      for (const outbox of outboxes) outbox.flushFrames();
    });
  },
};
