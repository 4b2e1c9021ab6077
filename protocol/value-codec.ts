// How a value of the user becomes bytes. The default is what cluster-client 3.x uses; a user's `transcode`
// replaces it on every side of a channel.

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

/** Loaded on first use: the package and what it needs cost 12 ms of CPU time, and our own processes do not use it with each other. */
function serializeJson(): typeof import('serialize-json') {
  return require('serialize-json') as typeof import('serialize-json');
}

/**
 * Keeps everything that structured clone keeps, errors whole, and refuses the rest; a user's class arrives as a plain object.
 * Its `decode` throws nothing but MalformedValueError.
 *
 * Why not what is there (ns to encode / decode on Node 20: 100 B text, registry list of 850 B, of 72 KB): ours 203/81, 2,030/1,177,
 * 96k/62k; node:v8 953/511, 3,196/3,841, 111k/242k; msgpackr 2 191/136, 2,863/2,352, 143k/36k, but it makes code from keys and loses -0, stacks, holes.
 */
export const structuredTranscode: Transcode = { encode: encodeStructured, decode: decodeStructured };

/**
 * The default between our own processes: JSON text for what JSON carries exactly, structured for the rest. A listener cannot tell
 * which form a value had. In a new process, JSON text of 850 B is decoded in 15 µs instead of 49 over the first 100 values, and in
 * 4.3 instead of 10 over the first 4,000 (Node 20; 7.6 and 38, 3.6 and 8.7 on Node 24). ValueCodec decides how long it is tried.
 */
export const jsonOrStructuredTranscode: Transcode = {
  encode: (value) => encodePlainJson(value, 0) ?? encodeStructured(value),
  decode: decodeJsonOrStructured,
};

function decodeJsonOrStructured(bytes: Buffer): unknown {
  return isPlainJson(bytes) ? decodePlainJson(bytes) : decodeStructured(bytes);
}

/**
 * For so many bytes of values, JSON text is tried first. Code that decodes structured values is compiled after some megabytes, and
 * is the faster one from then on: 2.3 instead of 3.5 µs for 850 B, 95 instead of 260 µs for 72 KB.
 */
const YOUNG_BYTES = 8 * 1024 * 1024;

/** How two processes call a way to write values when they agree on one. Append-only. */
export type CodecName = 'serialize-json' | 'structured' | 'custom' | 'json-or-structured';
const CODEC_NAMES: ReadonlySet<string> = new Set<CodecName>(['serialize-json', 'structured', 'custom', 'json-or-structured']);

export function isCodecName(name: string): name is CodecName {
  return CODEC_NAMES.has(name);
}

/** What still fits into a frame with room for the rest of it: refused by the sender, the receiver would end the connection. */
const MAX_VALUE_BYTES = MAX_FRAME_BYTES - 1024 * 1024;

/** @throws RangeError when values that go into one frame are too large for it together */
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

  /** `custom` is whatever the user gave; both sides have to give the same. */
  get name(): CodecName {
    if (this.#transcode === jsonOrStructuredTranscode) return 'json-or-structured';
    if (this.#transcode === structuredTranscode) return 'structured';
    return this.#transcode === serializeJsonTranscode ? 'serialize-json' : 'custom';
  }

  /** The ways in which it can write for a peer, the best first. */
  get names(): readonly CodecName[] {
    return this.name === 'json-or-structured' ? ['json-or-structured', 'structured'] : [this.name];
  }

  /** From now on another process reads, and its code is not compiled yet. */
  welcomeReader(): void {
    this.#youngBytes = YOUNG_BYTES;
  }

  /**
   * @param room so many bytes before it belong to it too and are 0, if this codec leaves room
   * @throws whatever the transcode throws for a value it cannot carry.
   */
  encode(value: unknown, room = 0): Buffer {
    let bytes: Buffer;
    try {
      bytes = this.leavesRoom ? this.#encodeOurs(value, room) : this.#encode(value);
    } catch (cause) {
      // The call stack is exhausted: of all values, those with a cycle do that.
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
      // serialize-json would turn them into null without a word. A user's transcode may know better.
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
