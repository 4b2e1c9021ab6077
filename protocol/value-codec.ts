// How a value of the user becomes bytes, and which form is taken: JSON text while a channel is young and JSON carries the value exactly,
// structured values otherwise, serialize-json for processes of cluster-client 3.x. A user's `transcode` replaces all of these.

import { MAX_FRAME_BYTES } from './frame';
import { decodePlainJson, encodePlainJson, isPlainJson } from './plain-json';
import { decodeStructured } from './structured-decoder';
import { encodeStructured } from './structured-encoder';

/** The `transcode` option: must be the same in all processes of a channel. */
export interface Transcode {
  /** A value as bytes. A string is taken as UTF-8. */
  encode(value: unknown): Buffer | Uint8Array | string;
  /** The value that `encode` was given. Each call must make a new value. */
  decode(bytes: Buffer): unknown;
}

/**
 * Package serialize-json: keeps Date, Error, Buffer, undefined and NaN; turns Map and Set into `{}`, and
 * functions, symbols and BigInt into null.
 */
export const serializeJsonTranscode: Transcode = {
  encode: (value) => serializeJson().encode(value),
  decode: (bytes) => serializeJson().decode(bytes),
};

/**
 * Loaded on first use: the package costs 12 ms of CPU time with all dependencies, and processes of trunkline do not use the
 * package with each other.
 */
function serializeJson(): typeof import('serialize-json') {
  return require('serialize-json') as typeof import('serialize-json');
}

/**
 * Keeps everything that structured clone keeps, errors whole, and refuses the rest; an instance of a user's class arrives as a
 * plain object. `decode` throws nothing except MalformedValueError. Why not an existing package (ns to encode / decode on Node
 * 20: 100 B text, registry list of 850 B, of 72 KB): this codec 203/81, 2,030/1,177, 96k/62k; node:v8 953/511, 3,196/3,841,
 * 111k/242k; msgpackr 2 191/136, 2,863/2,352, 143k/36k, but msgpackr makes code from keys and loses -0, stacks, holes.
 */
export const structuredTranscode: Transcode = { encode: encodeStructured, decode: decodeStructured };

/**
 * The default between processes of trunkline: JSON text for what JSON carries exactly, structured for the rest. A listener
 * cannot tell which form a value had. In a new process, JSON text of 850 B is decoded in 15 µs instead of 49 over the first 100
 * values, and in 4.3 instead of 10 over the first 4,000 (Node 20; 7.6 and 38, 3.6 and 8.7 on Node 24). ValueCodec decides how
 * long JSON text is tried.
 */
export const jsonOrStructuredTranscode: Transcode = {
  encode: (value) => encodePlainJson(value, 0) ?? encodeStructured(value),
  decode: decodeJsonOrStructured,
};

function decodeJsonOrStructured(bytes: Buffer): unknown {
  return isPlainJson(bytes) ? decodePlainJson(bytes) : decodeStructured(bytes);
}

/**
 * For this many bytes of values, JSON text is tried first. Code that decodes structured values is compiled after some megabytes,
 * and is faster from then on: 2.3 instead of 3.5 µs for 850 B, 95 instead of 260 µs for 72 KB.
 */
const YOUNG_BYTES = 8 * 1024 * 1024;

/** The names by which two processes agree on a codec. Append-only. */
export type CodecName = 'serialize-json' | 'structured' | 'custom' | 'json-or-structured';
const CODEC_NAMES: ReadonlySet<string> = new Set<CodecName>(['serialize-json', 'structured', 'custom', 'json-or-structured']);

export function isCodecName(name: string): name is CodecName {
  return CODEC_NAMES.has(name);
}

/**
 * The largest value that fits into a frame together with the rest of the frame: the sender refuses a larger value, because the
 * receiver would end the connection.
 */
const MAX_VALUE_BYTES = MAX_FRAME_BYTES - 1024 * 1024;

/** @throws RangeError when values for the same frame are too large together */
export function assertFits(values: readonly Buffer[]): void {
  let bytes = 0;
  for (let i = 0; i < values.length; i++) bytes += values[i]!.length;
  if (bytes > MAX_VALUE_BYTES) throw new RangeError(`${bytes} bytes, the limit is ${MAX_VALUE_BYTES}`);
}

/** The rest of the code sees bytes only: this hides that a user's `encode` may give a string or nothing for undefined. */
export class ValueCodec {
  readonly #transcode: Transcode;
  #youngBytes = YOUNG_BYTES;

  constructor(transcode: Transcode) {
    this.#transcode = transcode;
  }

  /** `custom` is the user's transcode, which must be the same on both sides. */
  get name(): CodecName {
    if (this.#transcode === jsonOrStructuredTranscode) return 'json-or-structured';
    if (this.#transcode === structuredTranscode) return 'structured';
    return this.#transcode === serializeJsonTranscode ? 'serialize-json' : 'custom';
  }

  /** The codecs that this side can write for a peer, the best first. */
  get names(): readonly CodecName[] {
    return this.name === 'json-or-structured' ? ['json-or-structured', 'structured'] : [this.name];
  }

  /**
   * From now on another process reads, whose code is not compiled yet. The more processes read already, the shorter is the time
   * for which JSON text is tried again: each of them pays for it.
   * @param others how many other processes read
   */
  welcomeReader(others: number): void {
    this.#youngBytes = Math.max(this.#youngBytes, YOUNG_BYTES / (1 + others));
  }

  /**
   * @param room bytes before the value that belong to the buffer too and are 0, if this codec leaves room
   * @throws any error of the transcode for a value that cannot be carried.
   */
  encode(value: unknown, room = 0): Buffer {
    let bytes: Buffer;
    try {
      bytes = this.leavesRoom ? this.#encodeOurs(value, room) : this.#encode(value);
    } catch (cause) {
      // The call stack is exhausted: above all, values with a cycle cause this.
      if (cause instanceof RangeError && cause.message.includes('call stack'))
        throw new TypeError('it holds a cycle, or is nested too deeply', { cause });
      throw cause;
    }
    if (bytes.length > MAX_VALUE_BYTES) assertFits([bytes]);
    return bytes;
  }

  /** Whether `encode` leaves room before every value but `undefined`, which is no bytes. */
  get leavesRoom(): boolean {
    return this.#transcode === structuredTranscode || this.#transcode === jsonOrStructuredTranscode;
  }

  decode(bytes: Buffer): unknown {
    return bytes.length === 0 ? undefined : this.#transcode.decode(bytes);
  }

  #encodeOurs(value: unknown, room: number): Buffer {
    if (this.#transcode === structuredTranscode || this.#youngBytes <= 0) return encodeStructured(value, room);
    const bytes = encodePlainJson(value, room) ?? encodeStructured(value, room);
    this.#youngBytes -= bytes.length;
    return bytes;
  }

  #encode(value: unknown): Buffer {
    if (typeof value === 'function' || typeof value === 'symbol' || typeof value === 'bigint') {
      // serialize-json would silently turn such values into null. A user's transcode may know better.
      if (this.#transcode === serializeJsonTranscode) throw new TypeError(`a ${typeof value} cannot be encoded`);
    }
    const bytes = this.#transcode.encode(value) as Buffer | Uint8Array | string | null | undefined;
    if (Buffer.isBuffer(bytes)) return bytes;
    if (typeof bytes === 'string') return Buffer.from(bytes);
    if (bytes instanceof Uint8Array) return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    // JSON.stringify(undefined) is undefined: no bytes stand for "no value".
    if (bytes === undefined || bytes === null) return NOTHING;
    throw new TypeError(`transcode.encode gave a ${typeof bytes}; it must give a Buffer or a string`);
  }
}

const NOTHING = Buffer.alloc(0);
