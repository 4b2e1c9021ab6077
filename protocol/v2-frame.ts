// What the frames of version 2 are made of: header, numbers, texts and lists, each written and read. Every length is checked
// against the frame before being believed. v2.ts, the only caller, says which parts each frame has.

import { isWide } from './latin1';
import { ProtocolError } from './protocol-error';

export const VERSION = 2;
export const HEADER_BYTES = 12;
export const OFFSET = { version: 0, type: 1, flags: 2, id: 4, bodyLength: 8 } as const;

/** A flag of any frame: the text has two bytes for each character, UTF-16LE, instead of a single byte. */
const WIDE = 0x8000;

/** The longest text whose length is a uint16. */
export const MAX_TEXT_BYTES = 0xffff;

export function wideFlag(text: string): number {
  return isWide(text) ? WIDE : 0;
}

export function begin(type: number, flags: number, id: number, bodyBytes: number): Buffer {
  const out = Buffer.allocUnsafe(HEADER_BYTES + bodyBytes);
  writeHeader(out, type, flags, id, bodyBytes);
  return out;
}

export function writeHeader(out: Buffer, type: number, flags: number, id: number, bodyBytes: number): void {
  out[OFFSET.version] = VERSION;
  out[OFFSET.type] = type;
  out[OFFSET.flags] = flags >>> 8;
  out[OFFSET.flags + 1] = flags;
  writeUint32(out, id, OFFSET.id);
  writeUint32(out, bodyBytes, OFFSET.bodyLength);
}

/**
 * Without the checks of Buffer, which take longer than the writing and are compiled into every caller. @returns the offset
 * behind the number
 */
export function writeUint32(out: Buffer, value: number, at: number): number {
  out[at] = value >>> 24;
  out[at + 1] = value >>> 16;
  out[at + 2] = value >>> 8;
  out[at + 3] = value;
  return at + 4;
}

/** The number that `writeUint32` wrote. The caller knows that the bytes are there. */
export function uint32At(bytes: Buffer, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}

export function withPayload(type: number, flags: number, id: number, payload: Buffer): Buffer {
  const out = begin(type, flags, id, payload.length);
  out.set(payload, HEADER_BYTES);
  return out;
}

export function withText(type: number, id: number, text: string): Buffer {
  const wide = wideFlag(text);
  const out = begin(type, wide, id, wide ? text.length * 2 : text.length);
  writeText(out, text, HEADER_BYTES, wide);
  return out;
}

export function withNumbers(type: number, id: number, numbers: readonly number[]): Buffer {
  const out = begin(type, 0, id, numbers.length * 4);
  let offset = HEADER_BYTES;
  for (let i = 0; i < numbers.length; i++) offset = writeUint32(out, numbers[i]!, offset);
  return out;
}

/**
 * Texts with lengths as uint16, and what follows the texts: bytes, or a text to the end of the frame.
 * @throws TypeError when a text is too long for a uint16 length
 */
export function withTexts(
  type: number,
  flags: number,
  id: number,
  before: Buffer,
  texts: readonly string[],
  after: Buffer | string,
): Buffer {
  const wide = wideFlag(texts.join('') + (typeof after === 'string' ? after : ''));
  const width = wide ? 2 : 1;
  let bodyBytes = before.length + after.length * (typeof after === 'string' ? width : 1);
  for (const text of texts) {
    const textBytes = text.length * width;
    if (textBytes > MAX_TEXT_BYTES) throw new TypeError(`a text of ${textBytes} bytes, the limit is ${MAX_TEXT_BYTES}`);
    bodyBytes += 2 + textBytes;
  }
  const out = begin(type, flags | wide, id, bodyBytes);
  out.set(before, HEADER_BYTES);
  let offset = HEADER_BYTES + before.length;
  for (const text of texts) offset = writeText(out, text, out.writeUInt16BE(text.length * width, offset), wide);
  if (typeof after === 'string') writeText(out, after, offset, wide);
  else out.set(after, offset);
  return out;
}

export function uint32(number: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32BE(number);
  return bytes;
}

export function writeText(out: Buffer, text: string, offset: number, wide: number): number {
  return offset + out.write(text, offset, wide ? 'utf16le' : 'latin1');
}

export function readText(frame: Buffer, at: number, lengthBytes: 2 | 4, flags: number): [text: string, end: number] {
  const start = at + lengthBytes;
  if (start > frame.length) throw new ProtocolError('text without a length', frame);
  const end = start + (lengthBytes === 2 ? frame.readUInt16BE(at) : frame.readUInt32BE(at));
  if (end > frame.length) throw new ProtocolError('text ends early', frame);
  return [readSlice(frame, start, end, flags), end];
}

export function readSlice(frame: Buffer, start: number, end: number, flags: number): string {
  if ((flags & WIDE) === 0) return frame.toString('latin1', start, end);
  if ((end - start) % 2 !== 0) throw new ProtocolError('half a character', frame);
  return frame.toString('utf16le', start, end);
}

/** To the end of the frame. */
export function readLines(frame: Buffer, at: number, flags: number, max: number): string[] {
  const lines = readSlice(frame, at, frame.length, flags).split('\n', max + 1);
  if (lines.length > max) throw new ProtocolError('too many keys', frame);
  return lines;
}

export function readUint32(frame: Buffer, at: number): number {
  if (frame.length < at + 4) throw new ProtocolError('a number ends early', frame);
  return frame.readUInt32BE(at);
}

/** To the end of the frame. */
export function readNumbers(frame: Buffer, at: number): number[] {
  if ((frame.length - at) % 4 !== 0) throw new ProtocolError('a number ends early', frame);
  const numbers: number[] = [];
  for (let offset = at; offset < frame.length; offset += 4) numbers.push(frame.readUInt32BE(offset));
  return numbers;
}

export function assertEnd(frame: Buffer, end: number): void {
  if (frame.length > end) throw new ProtocolError('bytes after the end', frame);
}

export function listBytes(parts: readonly Buffer[]): number {
  let bytes = 0;
  for (let i = 0; i < parts.length; i++) bytes += 4 + parts[i]!.length;
  return bytes;
}

/** Each part as a length and the bytes of the part, to the end of the frame. */
export function writeList(out: Buffer, parts: readonly Buffer[], at: number): void {
  let offset = at;
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i]!;
    offset = writeUint32(out, part.length, offset);
    out.set(part, offset);
    offset += part.length;
  }
}

export function readList(frame: Buffer, at: number): Buffer[] {
  const parts: Buffer[] = [];
  let offset = at;
  while (offset < frame.length) {
    const start = offset + 4;
    if (start > frame.length) throw new ProtocolError('list ends early', frame);
    const end = start + frame.readUInt32BE(offset);
    if (end > frame.length) throw new ProtocolError('list part ends early', frame);
    parts.push(frame.subarray(start, end));
    offset = end;
  }
  return parts;
}
