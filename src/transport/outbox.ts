// The write queue of a connection: frames of a tick leave in a single system call. Long frames of version 2 leave in chunks, as
// fast as the socket takes the chunks, and other frames go in between.

import type { Socket } from 'node:net';
import { ChunkSender } from '../../protocol/chunks';
import { nextTick, patientTimeout, soon, type Clock, type Patience } from '../time';

/**
 * Frames up to this length are copied together: a stream takes longer over a thousand small buffers than over a copy of the
 * whole. Measured when each subscription was a frame, 1,000 keys, both sides: 0.92 of the CPU time. 64 calls in flight: no
 * difference.
 */
const COPIED_BYTES = 512;
/** Copied frames go into buffers of at most this length: a very long tick needs no second copy in a single piece. */
const MERGED_BYTES = 64 * 1024;

/**
 * Answers beyond the limit may be a burst to a side that reads: a reading side takes at least as much as the limit within this
 * time, ms.
 */
const BURST_MS = 2_000;
/** What is more than so many times the limit is no burst. */
const BURST_FACTOR = 8;

const SETTLED = Promise.resolve();

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
  readonly #onDrained = new Set<() => void>();
  #maxBytes = Infinity;
  #onTooSlow: () => void = () => undefined;
  /** Bytes of frames that cannot be left out, written since the queue was last empty; and the bytes of the largest such frame. */
  #requiredBytes = 0;
  #largestBytes = 0;
  /**
   * How much will have been sent when everything has left that waited at the last look; and how much of this cannot be left out.
   */
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

  /** The waiting bytes without the largest frame that must arrive: a single frame may have any length. */
  get backlogBytes(): number {
    return this.bytes - this.#largestBytes;
  }

  /** Whether what waits is too little to wait for: `whenDrained` would perhaps never call. */
  get isDrained(): boolean {
    const { writableNeedDrain, writableLength, writableHighWaterMark } = this.#socket;
    return !writableNeedDrain && writableLength + this.#framesBytes < writableHighWaterMark && this.#chunks.bytes === 0;
  }

  /** Frames may go in chunks from now on. */
  upgrade(): void {
    this.#inChunks = true;
  }

  /**
   * @param onTooSlow the other side does not read: frames that cannot be left out, without the largest such frame, exceed the
   * limit
   */
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

  /** Like `write`, for a frame that cannot be left out. */
  writeRequired(frame: Buffer): void {
    this.write(frame);
    this.#requiredBytes += frame.length;
    if (frame.length > this.#largestBytes) this.#largestBytes = frame.length;
    if (this.#requiredBytes > this.#maxBytes / 2) this.#forgetRead();
    if (this.#requiredBytes > this.#maxBytes) this.#judge();
  }

  /**
   * Like `write`, for an event. The first event in a turn of the event loop leaves after the tick, later events leave together
   * at the end of the turn: an upstream client that gives 2,000 values, each in a separate callback, costs tens of system calls.
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

  /**
   * Calls back once, when everything that waits now has left; call this only when the outbox is not drained. The same function is
   * called once, however often it waits.
   */
  whenDrained(callback: () => void): void {
    this.#onDrained.add(callback);
    // Includes frames that wait for the end of the turn: a socket that takes the rest before would not report `drain` again.
    this.flushFrames();
    if (this.#isWaiting || !this.isDrained) {
      this.#awaitDrain();
      return;
    }
    // The system took everything at once, and then there is no `drain`.
    this.#isWaiting = true;
    soon(this.#pump);
  }

  /** Gives all waiting frames to the socket now, because the socket is about to end. */
  flush(): void {
    this.stop();
    for (let parts = this.#chunks.next(); parts; parts = this.#chunks.next()) for (const part of parts) this.#add(part);
    this.flushFrames();
  }

  /** Like `flush`, except for long frames, which go on in chunks. */
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

  /** Drops everything that waits. */
  stop(): void {
    this.#patience?.cancel();
    this.#onDrained.clear();
    this.#onTooSlow = () => undefined;
  }

  /** A connection that is never idle: what was written before the last look and has left counts no more. */
  #forgetRead(): void {
    const sentBytes = this.sentBytes;
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
    const sentBefore = this.sentBytes;
    return patientTimeout(this.#clock, BURST_MS, () => {
      this.#patience = undefined;
      this.#forgetRead();
      if (this.#excess() <= 1) return;
      if (this.sentBytes - sentBefore < this.#maxBytes) this.#onTooSlow();
      else this.#patience = this.#watch();
    });
  }

  /** What the system has taken since the beginning. */
  get sentBytes(): number {
    return this.#socket.bytesWritten - this.#socket.writableLength;
  }

  #noteWrite(): void {
    if (this.#framesBytes === 0 && this.bytes === 0) this.#requiredBytes = this.#requiredAtMark = this.#largestBytes = 0;
  }

  /** Whether the frame goes in chunks, or behind a frame that does. */
  #isForChunks(frame: Buffer): boolean {
    if (!this.#inChunks || !this.#chunks.offer(frame)) return false;
    if (!this.#isWaiting) this.#pump();
    return true;
  }

  #add(frame: Buffer): void {
    this.#frames.push(frame);
    this.#framesBytes += frame.length;
  }

  /** Answers that the present code leads to are often written in a promise reaction: they leave in the same system call. */
  readonly #onTick = (): void => {
    void SETTLED.then(this.#onReactions);
  };

  readonly #onReactions = (): void => {
    this.#hasTick = false;
    this.flushFrames();
  };

  readonly #pump = (): void => {
    this.#isWaiting = false;
    this.flushFrames(); // what was written before
    while (!this.#socket.writableNeedDrain) {
      const parts = this.#chunks.next();
      if (!parts) {
        if (this.#onDrained.size === 0) return;
        const callbacks = [...this.#onDrained];
        this.#onDrained.clear();
        for (const callback of callbacks) callback();
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

/** Small neighbours joined into a buffer, other frames unchanged. */
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
    else if (i > start) buffers.push(joined(frames, start, i, bytes));
    start = isSmall ? i : i + 1;
    bytes = isSmall ? frame.length : 0;
    if (frame && !isSmall) buffers.push(frame);
  }
  return buffers;
}

/** Buffer.concat checks each of its buffers twice, which takes longer than the copying. */
function joined(frames: readonly Buffer[], start: number, end: number, bytes: number): Buffer {
  const out = Buffer.allocUnsafe(bytes);
  let offset = 0;
  for (let i = start; i < end; i++) {
    out.set(frames[i]!, offset);
    offset += frames[i]!.length;
  }
  return out;
}

/** The present turn of the event loop, for all outboxes of this process. */
const turn = {
  number: 1,
  isWatched: false,
  /** Outboxes with events that wait for the end of the turn. */
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
