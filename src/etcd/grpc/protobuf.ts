// The encoding of protocol buffers, as far as etcd's messages need the encoding: numbers of 64 bits as varints, truths, bytes, texts
// and nested messages (https://protobuf.dev/programming-guides/encoding/). Knows no message of etcd. Pure.

import { bytesOf } from '../wire';
import type { Bytes } from '../etcd-types';

/** How the content of a field is encoded. */
const VARINT = 0;
const FIXED64 = 1;
const WITH_LENGTH = 2;
const FIXED32 = 5;

const FIRST_BYTES = 256;

/** Writes the fields of one message. Fields with the default of their type (0, false, no bytes) are left out, as proto3 does. */
export class ProtobufWriter {
  #bytes = Buffer.allocUnsafe(FIRST_BYTES);
  #length = 0;

  /** @param value a whole number of 64 bits; a text holds decimal digits */
  int(field: number, value: bigint | number | string | undefined): this {
    if (value === undefined) return this;
    const number = typeof value === 'number' ? value : BigInt(value);
    if (number === 0 || number === 0n) return this;
    this.#tag(field, VARINT);
    if (typeof number === 'number' && number > 0 && number < 2 ** 31) this.#small(number);
    else this.#big(BigInt.asUintN(64, BigInt(number)));
    return this;
  }

  flag(field: number, value: boolean | undefined): this {
    return this.int(field, value ? 1 : 0);
  }

  bytes(field: number, value: Bytes | undefined): this {
    const bytes = value === undefined ? undefined : bytesOf(value);
    if (bytes === undefined || bytes.length === 0) return this;
    this.#tag(field, WITH_LENGTH);
    this.#small(bytes.length);
    this.#reserve(bytes.length);
    this.#length += bytes.copy(this.#bytes, this.#length);
    return this;
  }

  /** A nested message, also an empty one. */
  message(field: number, write: (writer: this) => void): this {
    this.#tag(field, WITH_LENGTH);
    const start = this.#length;
    write(this);
    // The length stands before the content, and is known after the content was written.
    const size = this.#length - start;
    const sizeOfLength = lengthOfVarint(size);
    this.#reserve(sizeOfLength);
    this.#bytes.copyWithin(start + sizeOfLength, start, this.#length);
    this.#length = start;
    this.#small(size);
    this.#length += size;
    return this;
  }

  /** All bytes of the message. The writer is not used afterwards. */
  finish(): Buffer {
    return this.#bytes.subarray(0, this.#length);
  }

  #tag(field: number, type: number): void {
    this.#small(field * 8 + type);
  }

  /** A number below 2^31. */
  #small(value: number): void {
    this.#reserve(5);
    let rest = value;
    for (; rest > 0x7f; rest >>>= 7) this.#bytes[this.#length++] = (rest & 0x7f) | 0x80;
    this.#bytes[this.#length++] = rest;
  }

  #big(value: bigint): void {
    this.#reserve(10);
    let rest = value;
    for (; rest > 0x7fn; rest >>= 7n) this.#bytes[this.#length++] = Number(rest & 0x7fn) | 0x80;
    this.#bytes[this.#length++] = Number(rest);
  }

  #reserve(count: number): void {
    const needed = this.#length + count;
    if (needed <= this.#bytes.length) return;
    const larger = Buffer.allocUnsafe(Math.max(needed, 2 * this.#bytes.length));
    this.#bytes.copy(larger, 0, 0, this.#length);
    this.#bytes = larger;
  }
}

function lengthOfVarint(value: number): number {
  let length = 1;
  for (let rest = value; rest > 0x7f; rest >>>= 7) length++;
  return length;
}

/** Reads the fields of one message in the order in which the fields stand. Byte strings share the memory of the message. */
export class ProtobufReader {
  readonly #bytes: Buffer;
  #at = 0;
  #type = VARINT;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  /** Goes to the next field. @returns its number; 0 at the end of the message */
  next(): number {
    if (this.#at >= this.#bytes.length) return 0;
    const tag = Number(this.uint());
    this.#type = tag & 7;
    return tag >>> 3;
  }

  /** A number of 64 bits without a sign. */
  uint(): bigint {
    let low = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.#byte();
      low |= (byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt(low);
    }
    let value = BigInt(low);
    for (let shift = 28n; ; shift += 7n) {
      const byte = this.#byte();
      value |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return BigInt.asUintN(64, value);
    }
  }

  /** A number of 64 bits with a sign. */
  int(): bigint {
    return BigInt.asIntN(64, this.uint());
  }

  flag(): boolean {
    return this.uint() !== 0n;
  }

  bytes(): Buffer {
    const length = Number(this.uint());
    const end = this.#at + length;
    if (end > this.#bytes.length) throw new RangeError('a message of etcd ends within a field');
    const content = this.#bytes.subarray(this.#at, end);
    this.#at = end;
    return content;
  }

  text(): string {
    return this.bytes().toString();
  }

  message(): ProtobufReader {
    return new ProtobufReader(this.bytes());
  }

  /** Leaves out the content of a field. */
  skip(): void {
    if (this.#type === VARINT) this.uint();
    else if (this.#type === WITH_LENGTH) this.bytes();
    else if (this.#type === FIXED64) this.#at += 8;
    else if (this.#type === FIXED32) this.#at += 4;
    else throw new RangeError(`a message of etcd has a field of the unknown type ${this.#type}`);
  }

  #byte(): number {
    const byte = this.#bytes[this.#at++];
    if (byte === undefined) throw new RangeError('a message of etcd ends within a number');
    return byte;
  }
}
