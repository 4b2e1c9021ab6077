// The write queue of a connection: frames of one tick leave in one system call. Long frames of version 2 leave in chunks,
// as fast as the socket takes them, and other frames go in between. It knows how much waits in this process: whoever sends
// what may be left out asks first; of all else, too much says that the other side does not read.

import type { Socket } from 'node:net';
import { ChunkSender } from '../../protocol/chunks';
import { nextTick, patientTimeout, type Clock, type Patience } from '../time';

/** Answers beyond the limit may be a burst to a side that reads: it takes at least as much as the limit within this time, ms. */
const BURST_MS = 2_000;
/** What is more than so many times the limit is no burst. */
const BURST_FACTOR = 8;

export class Outbox {
  readonly #socket: Socket;
  readonly #clock: Clock;
  readonly #chunks = new ChunkSender();
  #inChunks = false;
  #corked = false;
  #isWaiting = false;
  #onDrained: (() => void) | undefined;
  #maxBytes = Infinity;
  #onTooSlow: () => void = () => undefined;
  /** Of the frames that cannot be left out and were written since nothing waited; and of the largest of them. */
  #requiredBytes = 0;
  #largestBytes = 0;
  #patience: Patience | undefined;

  constructor(socket: Socket, clock: Clock) {
    this.#socket = socket;
    this.#clock = clock;
  }

  /** What waits in this process for the other side to read. */
  get bytes(): number {
    return this.#socket.writableLength + this.#chunks.bytes;
  }

  /** Whether what waits is too little to wait for: `whenDrained` would perhaps never call. */
  get isDrained(): boolean {
    return !this.#socket.writableNeedDrain && this.#chunks.bytes === 0;
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

  write(frame: Buffer): void {
    if (this.bytes === 0) this.#requiredBytes = this.#largestBytes = 0;
    if (!this.#inChunks || !this.#chunks.offer(frame)) {
      this.#cork();
      this.#socket.write(frame);
    } else if (!this.#isWaiting) this.#pump();
  }

  /** The same for a frame that cannot be left out. */
  writeRequired(frame: Buffer): void {
    this.write(frame);
    this.#requiredBytes += frame.length;
    if (frame.length > this.#largestBytes) this.#largestBytes = frame.length;
    if (this.#requiredBytes > this.#maxBytes) this.#judge();
  }

  /** Calls back once, when what waits now has left; only to be asked when it is not drained. */
  whenDrained(callback: () => void): void {
    this.#onDrained = callback;
    this.#awaitDrain();
  }

  /** Everything that still waits goes to the socket now: it is about to end. */
  flush(): void {
    this.stop();
    for (let parts = this.#chunks.next(); parts; parts = this.#chunks.next()) {
      this.#cork();
      for (const part of parts) this.#socket.write(part);
    }
  }

  /** Nothing of it matters any more. */
  stop(): void {
    this.#patience?.cancel();
    this.#onDrained = undefined;
    this.#onTooSlow = () => undefined;
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
      if (this.#excess() <= 1) return;
      if (this.#sentBytes() - sentBefore < this.#maxBytes) this.#onTooSlow();
      else this.#patience = this.#watch();
    });
  }

  /** What the system has taken since the beginning. */
  #sentBytes(): number {
    return this.#socket.bytesWritten - this.#socket.writableLength;
  }

  #pump = (): void => {
    this.#isWaiting = false;
    while (!this.#socket.writableNeedDrain) {
      const parts = this.#chunks.next();
      if (!parts) {
        const callback = this.#onDrained;
        this.#onDrained = undefined;
        callback?.();
        return;
      }
      for (const part of parts) this.#socket.write(part);
    }
    this.#awaitDrain();
  };

  #awaitDrain(): void {
    if (this.#isWaiting) return;
    this.#isWaiting = true;
    this.#socket.once('drain', this.#pump);
  }

  #cork(): void {
    if (this.#corked) return;
    this.#corked = true;
    this.#socket.cork();
    nextTick(() => {
      this.#corked = false;
      this.#socket.uncork();
    });
  }
}
