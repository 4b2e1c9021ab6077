// Cuts a byte stream into frames. Hides partial headers, partial bodies and several frames in a chunk; a frame that lies whole
// in a chunk is handed out without a copy. Lengths are checked against the limit before anything is allocated. Connections
// (src/transport/connection.ts) feed the reader.

import { ProtocolError } from './protocol-error';

/** How a wire version tells where a frame ends. */
export interface Framing {
  readonly headerBytes: number;
  /** Whether a frame may begin with this byte; strangers are recognised here, before a header is complete. */
  mayStartWith(firstByte: number): boolean;
  /**
   * Length of what follows the header that begins at this offset.
   * @throws ProtocolError when the header is impossible.
   */
  bodyBytes(bytes: Buffer, at: number): number;
}

/** A limit against a peer that claims absurd lengths. Values of 100 MB still pass. */
export const MAX_FRAME_BYTES = 256 * 1024 * 1024;

export class FrameReader {
  #framing: Framing;
  #successor: { readonly framing: Framing; readonly maxFrameBytes: number } | undefined;
  /** Frames longer than this (header included) are refused. May be raised between two frames. */
  maxFrameBytes: number;
  /** Bytes of an incomplete header. */
  #head: Buffer = EMPTY;
  /** An incomplete frame whose length is known, and how many bytes have arrived. */
  #frame: Buffer | undefined;
  #filled = 0;
  /**
   * Gets each frame that lies whole in a chunk before `onFrame` does. Returns true for a frame that it has taken where it lies, which saves
   * a buffer for the frame.
   */
  takeInPlace: ((chunk: Buffer, start: number, end: number) => boolean) | undefined;

  constructor(framing: Framing, maxFrameBytes = MAX_FRAME_BYTES) {
    this.#framing = framing;
    this.maxFrameBytes = maxFrameBytes;
  }

  /**
   * From the next frame on the other side may also use this framing, and after the first such frame may not go back. May be
   * called between two frames.
   */
  upgrade(framing: Framing, maxFrameBytes: number): void {
    this.#successor = { framing, maxFrameBytes };
  }

  /**
   * Takes the next bytes of the stream and calls `onFrame` for each frame that becomes complete, in order. `onFrame` may return
   * false to stop reading (the connection was closed during the call).
   * @throws ProtocolError; the stream cannot be read any further after this error.
   */
  push(chunk: Buffer, onFrame: (frame: Buffer) => boolean | void): void {
    let at = 0;
    while (at < chunk.length) {
      if (this.#frame) {
        const copied = chunk.copy(this.#frame, this.#filled, at);
        this.#filled += copied;
        at += copied;
        if (this.#filled < this.#frame.length) return;
        const frame = this.#frame;
        this.#frame = undefined;
        if (onFrame(frame) === false) return;
        continue;
      }
      if (this.#head.length > 0) {
        const part = chunk.subarray(at, at + this.#framing.headerBytes - this.#head.length);
        this.#head = Buffer.concat([this.#head, part]);
        at += part.length;
        if (this.#head.length < this.#framing.headerBytes) return;
        const header = this.#head;
        this.#head = EMPTY;
        const frameBytes = this.#frameBytes(header, 0);
        if (frameBytes === header.length) {
          if (onFrame(header) === false) return;
          continue;
        }
        this.#begin(frameBytes, header);
        continue;
      }
      if (this.#successor?.framing.mayStartWith(chunk[at]!)) {
        this.#framing = this.#successor.framing;
        this.maxFrameBytes = this.#successor.maxFrameBytes;
        this.#successor = undefined;
      }
      if (!this.#framing.mayStartWith(chunk[at]!)) throw new ProtocolError('not a frame of this protocol', chunk.subarray(at));
      if (chunk.length - at < this.#framing.headerBytes) {
        this.#head = Buffer.from(chunk.subarray(at));
        return;
      }
      const frameBytes = this.#frameBytes(chunk, at);
      if (frameBytes > chunk.length - at) {
        this.#begin(frameBytes, chunk.subarray(at));
        return;
      }
      const start = at;
      at += frameBytes;
      if (this.takeInPlace?.(chunk, start, at)) continue;
      if (onFrame(chunk.subarray(start, at)) === false) return;
    }
  }

  #frameBytes(bytes: Buffer, at: number): number {
    const frameBytes = this.#framing.headerBytes + this.#framing.bodyBytes(bytes, at);
    if (frameBytes > this.maxFrameBytes) {
      throw new ProtocolError(`frame of ${frameBytes} bytes exceeds the limit of ${this.maxFrameBytes}`, bytes.subarray(at));
    }
    return frameBytes;
  }

  #begin(frameBytes: number, start: Buffer): void {
    this.#frame = Buffer.allocUnsafe(frameBytes);
    this.#filled = start.copy(this.#frame);
  }
}

const EMPTY = Buffer.alloc(0);
