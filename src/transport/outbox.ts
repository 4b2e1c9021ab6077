// The write queue of a connection: frames of one tick leave in one system call. Long frames of version 2 leave in chunks,
// as fast as the socket takes them, and other frames go in between.

import type { Socket } from 'node:net';
import { ChunkSender } from '../../protocol/chunks';
import { nextTick, soon } from '../time';

/**
 * Frames up to this length are copied together: a stream takes longer over a thousand small buffers than over their copy.
 * Subscriptions to 1,000 keys, both sides: 0.92 of the CPU time. 64 calls in flight: no difference.
 */
const COPIED_BYTES = 512;
/** … into buffers of this length at most: whoever subscribes to 100,000 keys at once needs no second copy in one piece. */
const MERGED_BYTES = 64 * 1024;

export class Outbox {
  readonly #socket: Socket;
  readonly #chunks = new ChunkSender();
  /** What has been written and is not yet with the socket. */
  #frames: Buffer[] = [];
  #hasTick = false;
  #lastEventTurn = 0;
  #isWaiting = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  /** Goes after this tick. */
  write(frame: Buffer): void {
    this.#frames.push(frame);
    if (this.#hasTick) return;
    this.#hasTick = true;
    nextTick(this.#onTick);
  }

  /** The same for a frame of version 2. */
  writeInChunks(frame: Buffer): void {
    if (!this.#chunks.offer(frame)) this.write(frame);
    else if (!this.#isWaiting) this.#pump();
  }

  /**
   * The same for an event. The first one in a turn of the event loop goes after its tick, later ones together at the end of
   * the turn: an upstream client that gives 2,000 values, each in a callback of its own, costs tens of system calls.
   */
  writeEvent(frame: Buffer): void {
    if (this.#lastEventTurn !== turn.number) {
      this.#lastEventTurn = turn.number;
      turn.watch();
      this.writeInChunks(frame);
    } else if (this.#chunks.offer(frame)) {
      if (!this.#isWaiting) this.#pump();
    } else if (this.#frames.push(frame) === 1) {
      turn.ending.push(this);
    }
  }

  /** Everything that still waits goes to the socket now: it is about to end. */
  flush(): void {
    for (let parts = this.#chunks.next(); parts; parts = this.#chunks.next()) this.#frames.push(...parts);
    this.flushFrames();
  }

  /** The same but for long frames, which go on in chunks. */
  flushFrames(): void {
    if (this.#frames.length === 0) return;
    const frames = this.#frames;
    this.#frames = [];
    if (frames.length === 1) {
      this.#socket.write(frames[0]!);
      return;
    }
    this.#socket.cork();
    for (const buffer of merged(frames)) this.#socket.write(buffer);
    this.#socket.uncork();
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
      if (!parts) return;
      this.#socket.cork();
      for (const part of parts) this.#socket.write(part);
      this.#socket.uncork();
    }
    this.#isWaiting = true;
    this.#socket.once('drain', this.#pump);
  };
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
