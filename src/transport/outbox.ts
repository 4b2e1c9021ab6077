// The write queue of a connection: frames of one tick leave in one system call. Long frames of version 2 leave in chunks,
// as fast as the socket takes them, and other frames go in between.

import type { Socket } from 'node:net';
import { ChunkSender } from '../../protocol/chunks';
import { nextTick } from '../time';

export class Outbox {
  readonly #socket: Socket;
  readonly #chunks = new ChunkSender();
  #corked = false;
  #isWaiting = false;

  constructor(socket: Socket) {
    this.#socket = socket;
  }

  write(frame: Buffer): void {
    this.#cork();
    this.#socket.write(frame);
  }

  /** The same for a frame of version 2. */
  writeInChunks(frame: Buffer): void {
    if (!this.#chunks.offer(frame)) this.write(frame);
    else if (!this.#isWaiting) this.#pump();
  }

  /** Everything that still waits goes to the socket now: it is about to end. */
  flush(): void {
    for (let parts = this.#chunks.next(); parts; parts = this.#chunks.next()) for (const part of parts) this.write(part);
  }

  #pump = (): void => {
    this.#isWaiting = false;
    while (!this.#socket.writableNeedDrain) {
      const parts = this.#chunks.next();
      if (!parts) return;
      for (const part of parts) this.#socket.write(part);
    }
    this.#isWaiting = true;
    this.#socket.once('drain', this.#pump);
  };

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
