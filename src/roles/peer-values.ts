// How values go over one connection: as they are written in this process, or, to and from a process of cluster-client 3.x or an
// older version of ours, in its way. Inside a process a payload always has the channel's own form.

import { EVENT_ROOM } from '../../protocol/v2';
import { assertFits, structuredTranscode, ValueCodec, type CodecName } from '../../protocol/value-codec';
import type { ChannelSpec } from './role';

/** The codec that every process of trunkline can read. */
const STRUCTURED = new ValueCodec(structuredTranscode);

/** A payload as old peers read it; there may be several of them. */
const translated = new WeakMap<Buffer, Buffer>();

export class PeerValues {
  readonly #own: ValueCodec;
  readonly #peers: ValueCodec;

  private constructor(own: ValueCodec, peers: ValueCodec) {
    this.#own = own;
    this.#peers = peers;
  }

  /** The values for a process of trunkline. @param agreed what both can write; default: what this one writes best */
  static ofOurs({ values }: ChannelSpec, agreed: CodecName = values.name): PeerValues {
    return new PeerValues(values, agreed === values.name ? values : STRUCTURED);
  }

  /** For one of cluster-client 3.x. */
  static ofOld({ values, legacyValues }: ChannelSpec): PeerValues {
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

  /** @throws RangeError too when they do not fit into one frame */
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

  /** A payload of the peer, for this process. The bytes must not be used otherwise. */
  fromPeer(bytes: Buffer): Buffer {
    if (this.#own !== this.#peers) return this.#own.encode(this.#peers.decode(bytes));
    // They are kept as the last value, and must not keep the whole chunk that they came in. A long frame has memory of its own.
    if (bytes.length * 2 > bytes.buffer.byteLength) return bytes;
    const copy = Buffer.allocUnsafe(bytes.length);
    copy.set(bytes);
    return copy;
  }
}
