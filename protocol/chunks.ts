// Frames of version 2 that are too long for a single piece: taken apart by the sender, put together by the receiver. Claims of a
// sender are checked before memory is taken.

import { MAX_FRAME_BYTES } from './frame';
import type { Chunk } from './message';
import { ProtocolError } from './protocol-error';
import { orderOf } from './frame-order';
import { chunkHeader, V2_MAX_FRAME_BYTES } from './v2';

/** Bytes of the frame in each chunk except the last: a ping waits at most as long as a chunk takes to be written. */
export const CHUNK_BYTES = 128 * 1024;
/** Frames in chunks that may be under way at the same time in one direction; all together have the limit of a single frame. */
export const MAX_CHUNKED = 8;

/**
 * The chunks in order, each as a header and a view of the frame. @param stream a number that no other chunked frame of this side
 * has at the moment
 */
export function* chunksOf(frame: Buffer, stream: number): Generator<readonly [header: Buffer, part: Buffer], void> {
  for (let start = 0; start < frame.length; start += CHUNK_BYTES) {
    const part = frame.subarray(start, start + CHUNK_BYTES);
    const isLast = start + part.length === frame.length;
    yield [chunkHeader(stream, start === 0 ? frame.length : undefined, isLast, part.length), part];
  }
}

interface Waiting {
  readonly frame: Buffer;
  readonly order: number | undefined;
}

/**
 * What a side of a connection cannot send at once: long frames in order, and behind each long frame the frames that must stay
 * behind. All other frames are sent past.
 */
export class ChunkSender {
  readonly #waiting: Waiting[] = [];
  #bytes = 0;
  /** The chunks of the first frame, once sending has begun. */
  #chunks: Iterator<readonly [Buffer, Buffer], void> | undefined;

  /** Bytes of everything that waits; headers of chunks do not count. */
  get bytes(): number {
    return this.#bytes;
  }

  /** @returns whether the sender takes the frame; false when the frame can be sent unchanged, at once */
  offer(frame: Buffer): boolean {
    if (this.#waiting.length === 0 && frame.length <= V2_MAX_FRAME_BYTES) return false; // nearly always
    const order = orderOf(frame);
    const mustWait =
      frame.length > V2_MAX_FRAME_BYTES || (order !== undefined && this.#waiting.some((each) => each.order === order));
    if (!mustWait) return false;
    this.#waiting.push({ frame, order });
    this.#bytes += frame.length;
    return true;
  }

  /** What to send next, in one or two parts; undefined when nothing waits. */
  next(): readonly Buffer[] | undefined {
    const [first] = this.#waiting;
    if (!first) return undefined;
    if (first.frame.length <= V2_MAX_FRAME_BYTES) {
      this.#waiting.shift();
      this.#bytes -= first.frame.length;
      return [first.frame];
    }
    this.#chunks ??= chunksOf(first.frame, ONLY_STREAM);
    const { value, done } = this.#chunks.next();
    if (!done) {
      this.#bytes -= value[1].length;
      return value;
    }
    this.#chunks = undefined;
    this.#waiting.shift();
    return this.next();
  }
}

/** This side has no two frames under way at once. */
const ONLY_STREAM = 1;

interface Assembly {
  readonly frame: Buffer;
  filled: number;
}

/** Puts the chunks of a direction of a connection together. */
export class ChunkAssembler {
  readonly #maxBytes: number;
  readonly #assemblies = new Map<number, Assembly>();
  #claimedBytes = 0;

  /** @param maxBytes for all frames together that are under way */
  constructor(maxBytes = MAX_FRAME_BYTES) {
    this.#maxBytes = maxBytes;
  }

  /**
   * @returns the whole frame with the last chunk
   * @throws ProtocolError; the connection cannot be read any further after this error
   */
  push(chunk: Chunk): Buffer | undefined {
    const { stream, part, isLast } = chunk;
    const assembly = chunk.totalBytes === undefined ? this.#assemblies.get(stream) : this.#begin(chunk, chunk.totalBytes);
    if (!assembly) throw new ProtocolError(`a chunk of stream ${stream}, which has not begun`, part);
    const end = assembly.filled + part.length;
    if (end > assembly.frame.length || (end === assembly.frame.length) !== isLast || part.length === 0) {
      throw new ProtocolError(`the chunks of stream ${stream} are not as long as they claim`, part);
    }
    part.copy(assembly.frame, assembly.filled);
    assembly.filled = end;
    if (!isLast) return undefined;
    this.#assemblies.delete(stream);
    this.#claimedBytes -= assembly.frame.length;
    return assembly.frame;
  }

  #begin({ stream, part }: Chunk, totalBytes: number): Assembly {
    if (this.#assemblies.has(stream)) throw new ProtocolError(`stream ${stream} begins twice`, part);
    if (this.#assemblies.size >= MAX_CHUNKED) throw new ProtocolError(`more than ${MAX_CHUNKED} frames in chunks at once`, part);
    if (this.#claimedBytes + totalBytes > this.#maxBytes) {
      throw new ProtocolError(`chunks of a frame of ${totalBytes} bytes exceed the limit of ${this.#maxBytes}`, part);
    }
    const assembly = { frame: Buffer.allocUnsafeSlow(totalBytes), filled: 0 };
    this.#assemblies.set(stream, assembly);
    this.#claimedBytes += totalBytes;
    return assembly;
  }
}
