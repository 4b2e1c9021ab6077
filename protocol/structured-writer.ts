// The parts of a structured value during writing. Text and binary data are collected apart from the body: each part is copied
// once, and the other side reads text in large pieces.

import { isWide } from './latin1';
import { FORM, TAG } from './structured-format';

const INITIAL_BYTES = 4 * 1024;
/** A larger buffer is not kept for the next value. */
const KEPT_BYTES = 1024 * 1024;
/** Room for any part of fixed size: a tag and five bytes of a count, or eight of a number. */
const PART_BYTES = 16;
/** Less than this is faster copied byte by byte. */
const FEW_BYTES = 24;

export class ValueWriter {
  #body = Buffer.allocUnsafeSlow(INITIAL_BYTES);
  #at = 0;
  #text = '';
  #binary: Uint8Array[] = [];

  /** The bytes of the value, behind so many others in the same memory. */
  finish(hasReferences: boolean, room: number): Buffer {
    const text = this.#text;
    const wide = Buffer.byteLength(text) !== text.length && isWide(text);
    const textBytes = wide ? text.length * 2 : text.length;
    const bodyBytes = this.#at;
    // The head comes first, but is known last: the head is written behind the body and copied from there.
    this.byte((wide ? FORM.wide : 0) | (hasReferences ? FORM.references : 0));
    this.count(bodyBytes);
    this.count(text.length);
    const headBytes = this.#at - bodyBytes;
    let total = headBytes + bodyBytes + textBytes;
    for (const part of this.#binary) total += part.length;
    let out = Buffer.allocUnsafe(room + total);
    if (room > 0) {
      out.fill(0, 0, room);
      out = out.subarray(room);
    }
    if (headBytes + bodyBytes < FEW_BYTES) {
      for (let i = 0; i < headBytes; i++) out[i] = this.#body[bodyBytes + i]!;
      for (let i = 0; i < bodyBytes; i++) out[headBytes + i] = this.#body[i]!;
    } else {
      this.#body.copy(out, 0, bodyBytes, bodyBytes + headBytes);
      this.#body.copy(out, headBytes, 0, bodyBytes);
    }
    let offset = headBytes + bodyBytes;
    if (textBytes > 0) offset += out.write(text, offset, wide ? 'utf16le' : 'latin1');
    for (const part of this.#binary) {
      out.set(part, offset);
      offset += part.length;
    }
    return out;
  }

  reset(): void {
    this.#at = 0;
    this.#text = '';
    if (this.#binary.length > 0) this.#binary = [];
    if (this.#body.length > KEPT_BYTES) this.#body = Buffer.allocUnsafeSlow(INITIAL_BYTES);
  }

  number(value: number): void {
    if (value !== (value | 0) || (value === 0 && 1 / value < 0)) {
      this.float(TAG.float64, value);
    } else if (value >= 0 && value < TAG.shortString) {
      this.byte(value);
    } else {
      this.byte(TAG.int32);
      this.#at = this.#body.writeInt32BE(value, this.#at);
    }
  }

  float(tag: number, value: number): void {
    this.byte(tag);
    this.#at = this.#body.writeDoubleBE(value, this.#at);
  }

  string(value: string): void {
    const tag = TAG.shortString + value.length;
    if (tag < TAG.shortShape) this.byte(tag);
    else this.tagged(TAG.string, value.length);
    this.#text += value;
  }

  /** A string where nothing else can be. */
  name(value: string): void {
    this.count(value.length);
    this.#text += value;
  }

  binary(bytes: Uint8Array): void {
    if (bytes.length > 0) this.#binary.push(bytes);
  }

  hex(digits: string): void {
    this.#reserve(digits.length >> 1);
    this.#at += this.#body.write(digits, this.#at, 'hex');
  }

  tagged(tag: number, count: number): void {
    this.byte(tag);
    this.count(count);
  }

  byte(value: number): void {
    if (this.#at + PART_BYTES > this.#body.length) this.#reserve(PART_BYTES);
    this.#body[this.#at++] = value;
  }

  count(value: number): void {
    let rest = value;
    while (rest >= 0x80) {
      this.byte((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    this.byte(rest);
  }

  #reserve(bytes: number): void {
    const needed = this.#at + bytes + PART_BYTES;
    if (needed <= this.#body.length) return;
    const grown = Buffer.allocUnsafeSlow(Math.max(needed, this.#body.length * 2));
    this.#body.copy(grown, 0, 0, this.#at);
    this.#body = grown;
  }
}
