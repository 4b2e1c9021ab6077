// How values go over a connection: unchanged between equal versions of trunkline, or translated to and from the form of a
// process of cluster-client 3.x or of an older version. Inside a process a payload always has the form of the channel.

import { EVENT_ROOM } from '../../protocol/v2';
import { assertFits, structuredTranscode, ValueCodec, type CodecName } from '../../protocol/value-codec';
import type { ChannelSpec } from './role';

/** The codec that every process of trunkline can read. */
const STRUCTURED = new ValueCodec(structuredTranscode);

/** A payload in the form that legacy peers read; several legacy peers may share a translation. */
const translated = new WeakMap<Buffer, Buffer>();

export class PeerValues {
  readonly #own: ValueCodec;
  readonly #peers: ValueCodec;

  private constructor(own: ValueCodec, peers: ValueCodec) {
    this.#own = own;
    this.#peers = peers;
  }

  /** The values for a process of trunkline. @param agreed a codec that both can write; default: the best codec of this process */
  static ofOurs({ values }: ChannelSpec, agreed: CodecName = values.name): PeerValues {
    return new PeerValues(values, agreed === values.name ? values : STRUCTURED);
  }

  /** The values for a process of cluster-client 3.x. */
  static ofLegacy({ values, legacyValues }: ChannelSpec): PeerValues {
    return new PeerValues(values, legacyValues.name === values.name ? values : legacyValues);
  }

  /** What was encoded is decoded as the same, or refused. */
  get areFaithful(): boolean {
    return this.#peers.leavesRoom;
  }

  /** The codec that both sides write, as the peer is told. */
  get codec(): CodecName {
    return this.#peers.name;
  }

  encode(value: unknown): Buffer {
    return this.#peers.encode(value);
  }

  decode(bytes: Buffer): unknown {
    return this.#peers.decode(bytes);
  }

  /** @throws RangeError also when the values do not fit into a frame together */
  encodeAll(values: readonly unknown[]): Buffer[] {
    const encoded: Buffer[] = [];
    for (let i = 0; i < values.length; i++) encoded.push(this.#peers.encode(values[i]));
    assertFits(encoded);
    return encoded;
  }

  decodeAll(parts: readonly Buffer[]): unknown[] {
    const values: unknown[] = [];
    for (let i = 0; i < parts.length; i++) values.push(this.#peers.decode(parts[i]!));
    return values;
  }

  /** A payload of this process, for the peer. */
  toPeer(payload: Buffer): Buffer {
    if (this.#own === this.#peers) return payload;
    let bytes = translated.get(payload);
    if (!bytes) {
      bytes = this.#peers.encode(this.#own.decode(payload), EVENT_ROOM);
      translated.set(payload, bytes);
    }
    return bytes;
  }

  /** A payload of the peer, for this process. The bytes must not be used otherwise. A payload that is kept goes through `kept`. */
  fromPeer(bytes: Buffer): Buffer {
    return this.#own === this.#peers ? bytes : this.#own.encode(this.#peers.decode(bytes));
  }

  /** A payload that `fromPeer` gave, in memory of its own: the whole received chunk must not stay for one value. */
  kept(payload: Buffer): Buffer {
    return this.#own === this.#peers ? withOwnMemory(payload) : payload;
  }
}

/** Received bytes that are kept for a while: the whole received chunk must not stay for a part of it. */
export function withOwnMemory(bytes: Buffer): Buffer {
  if (bytes.length * 2 > bytes.buffer.byteLength) return bytes; // a long frame has separate memory
  const copy = Buffer.allocUnsafe(bytes.length);
  copy.set(bytes);
  return copy;
}
