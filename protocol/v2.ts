// Wire version 2: what our own processes speak once they have registered. A frame is a 12-byte header and a body without
// JSON; events name their key by a number, so that the frame of an event is the same for every follower. The numbers are
// in README.md beside this file; golden bytes in vectors/v2.json.

import type { Framing } from './frame';
import { isWide } from './latin1';
import type { CallStyle, Codec, V2Message } from './message';
import { ProtocolError } from './protocol-error';

const VERSION = 2;
const HEADER_BYTES = 12;
const OFFSET = { version: 0, type: 1, flags: 2, id: 4, bodyLength: 8 } as const;

/** Append-only. 13 … 16 are kept for hand-off, redirect, appoint and announce. */
export const V2_TYPE = {
  subscribe: 1,
  unsubscribe: 2,
  topic: 3,
  'topic-event': 4,
  call: 5,
  'call-result': 6,
  'call-failure': 7,
  ping: 8,
  pong: 9,
  goaway: 10,
  refusal: 11,
  chunk: 12,
} as const satisfies Partial<Record<V2Message['type'], number>>;

const TYPE = V2_TYPE;

const FLAG = {
  /** Any frame: its text has two bytes for each character, UTF-16LE, instead of one. */
  wide: 0x8000,
  oneway: 1,
  promise: 2,
  callback: 4,
  replay: 8,
  idempotent: 16,
  first: 1,
  last: 2,
} as const;

/** Frames beyond it are sent in chunks, so that nothing waits long behind them. */
export const V2_MAX_FRAME_BYTES = 256 * 1024;

const NO_HINT = 0xffff_ffff;

export const v2Framing: Framing = {
  headerBytes: HEADER_BYTES,
  mayStartWith: (firstByte) => firstByte === VERSION,
  bodyBytes: (bytes, at) => bytes.readUInt32BE(at + OFFSET.bodyLength),
};

export const v2Codec: Codec<V2Message> = {
  version: VERSION,

  encode(message) {
    switch (message.type) {
      case 'topic-event':
        return withPayload(TYPE['topic-event'], message.topic, message.payload);
      case 'call': {
        const { method, args } = message;
        const wide = wideFlag(method);
        const methodBytes = wide ? method.length * 2 : method.length;
        const out = begin(TYPE.call, callFlags(message) | wide, message.id, 2 + methodBytes + listBytes(args));
        const offset = writeText(out, method, out.writeUInt16BE(methodBytes, HEADER_BYTES), wide);
        writeList(out, args, offset);
        return out;
      }
      case 'call-result': {
        const out = begin(TYPE['call-result'], 0, message.id, listBytes(message.values));
        writeList(out, message.values, HEADER_BYTES);
        return out;
      }
      case 'call-failure':
        return withPayload(TYPE['call-failure'], message.id, message.payload);
      case 'subscribe':
        return withText(TYPE.subscribe, 0, message.id, message.key, message.payload ?? NOTHING);
      case 'unsubscribe':
        return withText(TYPE.unsubscribe, 0, message.id, message.key, NOTHING);
      case 'topic':
        return withText(TYPE.topic, 0, message.topic, message.key, NOTHING);
      case 'ping':
        return begin(TYPE.ping, 0, message.id, 0);
      case 'pong':
        return begin(TYPE.pong, 0, message.id, 0);
      case 'goaway': {
        const hint = Buffer.allocUnsafe(4);
        hint.writeUInt32BE(message.retryAfterMs ?? NO_HINT);
        return withCode(TYPE.goaway, 0, message, hint);
      }
      case 'refusal':
        return withCode(TYPE.refusal, message.id, message, NOTHING);
      case 'chunk': {
        const { stream, totalBytes, isLast, part } = message;
        return Buffer.concat([chunkHeader(stream, totalBytes, isLast, part.length), part]);
      }
      case 'unknown':
        throw new TypeError(`a message of unknown type ${message.name} cannot be written`);
    }
  },

  decode(frame) {
    if (frame.length < HEADER_BYTES) throw new ProtocolError('frame shorter than its header', frame);
    if (frame[OFFSET.version] !== VERSION) throw new ProtocolError(`version ${frame[OFFSET.version]}`, frame);
    if (frame.length !== HEADER_BYTES + frame.readUInt32BE(OFFSET.bodyLength)) {
      throw new ProtocolError('wrong frame length', frame);
    }
    const type = frame[OFFSET.type]!;
    const flags = frame.readUInt16BE(OFFSET.flags);
    const id = frame.readUInt32BE(OFFSET.id);
    switch (type) {
      case TYPE['topic-event']:
        return { type: 'topic-event', topic: id, payload: frame.subarray(HEADER_BYTES) };
      case TYPE.call:
        return readCall(frame, flags, id);
      case TYPE['call-result']:
        return { type: 'call-result', id, timeoutMs: 0, values: readList(frame, HEADER_BYTES) };
      case TYPE['call-failure']:
        return { type: 'call-failure', id, timeoutMs: 0, payload: frame.subarray(HEADER_BYTES) };
      case TYPE.subscribe: {
        const [key, end] = readText(frame, HEADER_BYTES, 4, flags);
        return { type: 'subscribe', id, timeoutMs: 0, key, registration: undefined, payload: frame.subarray(end) };
      }
      case TYPE.unsubscribe:
        return { type: 'unsubscribe', id, timeoutMs: 0, key: readOnlyText(frame, flags), registration: undefined };
      case TYPE.topic:
        return { type: 'topic', topic: id, key: readOnlyText(frame, flags) };
      case TYPE.ping:
      case TYPE.pong:
        if (frame.length > HEADER_BYTES) throw new ProtocolError('a ping with a body', frame);
        return { type: type === TYPE.ping ? 'ping' : 'pong', id, timeoutMs: 0 };
      case TYPE.goaway: {
        if (frame.length < HEADER_BYTES + 4) throw new ProtocolError('a goaway without a hint', frame);
        const hint = frame.readUInt32BE(HEADER_BYTES);
        const retry = hint === NO_HINT ? undefined : { retryAfterMs: hint };
        return { type: 'goaway', ...readCode(frame, HEADER_BYTES + 4, flags), ...retry };
      }
      case TYPE.refusal:
        return { type: 'refusal', id, ...readCode(frame, HEADER_BYTES, flags) };
      case TYPE.chunk:
        return readChunk(frame, flags, id);
      case 0:
        throw new ProtocolError('frame type 0', frame);
      default:
        return { type: 'unknown', id, timeoutMs: 0, name: String(type) };
    }
  },
};

/** What goes before a part of a frame; the part itself need not be copied. */
export function chunkHeader(stream: number, totalBytes: number | undefined, isLast: boolean, partBytes: number): Buffer {
  const isFirst = totalBytes !== undefined;
  const flags = (isFirst ? FLAG.first : 0) | (isLast ? FLAG.last : 0);
  const out = Buffer.allocUnsafe(HEADER_BYTES + (isFirst ? 4 : 0));
  writeHeader(out, TYPE.chunk, flags, stream, partBytes + (isFirst ? 4 : 0));
  if (isFirst) out.writeUInt32BE(totalBytes, HEADER_BYTES);
  return out;
}

/**
 * Frames with the same number must be sent in the order in which they were written, also when one of them goes in chunks;
 * undefined: it may pass all others. A value of a topic must not overtake another one, and what a follower asks stays in order.
 */
export function orderOf(frame: Buffer): number | undefined {
  const type = frame[OFFSET.type]!;
  switch (type) {
    case TYPE.topic:
    case TYPE['topic-event']:
      return frame.readUInt32BE(OFFSET.id);
    case TYPE.subscribe:
    case TYPE.unsubscribe:
    case TYPE.call:
      return REQUESTS;
    default:
      return undefined;
  }
}

/** Above every topic. */
const REQUESTS = 2 ** 32;
const NOTHING = Buffer.alloc(0);

function wideFlag(text: string): number {
  return isWide(text) ? FLAG.wide : 0;
}

function begin(type: number, flags: number, id: number, bodyBytes: number): Buffer {
  const out = Buffer.allocUnsafe(HEADER_BYTES + bodyBytes);
  writeHeader(out, type, flags, id, bodyBytes);
  return out;
}

function writeHeader(out: Buffer, type: number, flags: number, id: number, bodyBytes: number): void {
  out[OFFSET.version] = VERSION;
  out[OFFSET.type] = type;
  out[OFFSET.flags] = flags >>> 8;
  out[OFFSET.flags + 1] = flags;
  writeUint32(out, id, OFFSET.id);
  writeUint32(out, bodyBytes, OFFSET.bodyLength);
}

/** Without the checks of Buffer, which take longer than the writing and are compiled into every caller. @returns the offset behind it */
function writeUint32(out: Buffer, value: number, at: number): number {
  out[at] = value >>> 24;
  out[at + 1] = value >>> 16;
  out[at + 2] = value >>> 8;
  out[at + 3] = value;
  return at + 4;
}

function withPayload(type: number, id: number, payload: Buffer): Buffer {
  const out = begin(type, 0, id, payload.length);
  out.set(payload, HEADER_BYTES);
  return out;
}

/** Key and payload; the length of the key stands only where something follows it. */
function withText(type: number, flags: number, id: number, text: string, payload: Buffer): Buffer {
  const wide = wideFlag(text);
  const textBytes = wide ? text.length * 2 : text.length;
  const lengthBytes = type === TYPE.subscribe ? 4 : 0;
  const out = begin(type, flags | wide, id, lengthBytes + textBytes + payload.length);
  if (lengthBytes > 0) writeUint32(out, textBytes, HEADER_BYTES);
  const end = writeText(out, text, HEADER_BYTES + lengthBytes, wide);
  if (payload.length > 0) out.set(payload, end);
  return out;
}

function withCode(type: number, id: number, { code, sentence }: { code: string; sentence: string }, before: Buffer): Buffer {
  const wide = wideFlag(code + sentence);
  const [codeBytes, sentenceBytes] = [code, sentence].map(({ length }) => (wide ? length * 2 : length)) as [number, number];
  const out = begin(type, wide, id, before.length + 2 + codeBytes + sentenceBytes);
  before.copy(out, HEADER_BYTES);
  const offset = writeText(out, code, out.writeUInt16BE(codeBytes, HEADER_BYTES + before.length), wide);
  writeText(out, sentence, offset, wide);
  return out;
}

function writeText(out: Buffer, text: string, offset: number, wide: number): number {
  return offset + out.write(text, offset, wide ? 'utf16le' : 'latin1');
}

function readText(frame: Buffer, at: number, lengthBytes: 2 | 4, flags: number): [text: string, end: number] {
  const start = at + lengthBytes;
  if (start > frame.length) throw new ProtocolError('text without a length', frame);
  const end = start + (lengthBytes === 2 ? frame.readUInt16BE(at) : frame.readUInt32BE(at));
  if (end > frame.length) throw new ProtocolError('text ends early', frame);
  return [sliceText(frame, start, end, flags), end];
}

function readOnlyText(frame: Buffer, flags: number): string {
  return sliceText(frame, HEADER_BYTES, frame.length, flags);
}

function sliceText(frame: Buffer, start: number, end: number, flags: number): string {
  if ((flags & FLAG.wide) === 0) return frame.toString('latin1', start, end);
  if ((end - start) % 2 !== 0) throw new ProtocolError('half a character', frame);
  return frame.toString('utf16le', start, end);
}

function readCode(frame: Buffer, at: number, flags: number): { code: string; sentence: string } {
  const [code, end] = readText(frame, at, 2, flags);
  return { code, sentence: sliceText(frame, end, frame.length, flags) };
}

function callFlags({ oneway, style, replay, idempotent }: Extract<V2Message, { type: 'call' }>): number {
  return (
    (oneway ? FLAG.oneway : 0) |
    (style === undefined ? 0 : FLAG[style]) |
    (replay ? FLAG.replay : 0) |
    (idempotent ? FLAG.idempotent : 0)
  );
}

function readCall(frame: Buffer, flags: number, id: number): Extract<V2Message, { type: 'call' }> {
  const [method, end] = readText(frame, HEADER_BYTES, 2, flags);
  const args = readList(frame, end);
  const timeoutMs = 0;
  const oneway = (flags & FLAG.oneway) !== 0;
  const style: CallStyle | undefined =
    (flags & FLAG.callback) !== 0 ? 'callback' : (flags & FLAG.promise) !== 0 ? 'promise' : undefined;
  // Nearly every call. What the general case spreads took a tenth of the CPU time of a call.
  if (style && (flags & (FLAG.replay | FLAG.idempotent)) === 0)
    return { type: 'call', id, timeoutMs, method, args, oneway, style };
  return {
    type: 'call',
    id,
    timeoutMs,
    method,
    args,
    oneway,
    ...(style && { style }),
    ...((flags & FLAG.replay) !== 0 && { replay: true }),
    ...((flags & FLAG.idempotent) !== 0 && { idempotent: true }),
  };
}

function readChunk(frame: Buffer, flags: number, stream: number): Extract<V2Message, { type: 'chunk' }> {
  const isLast = (flags & FLAG.last) !== 0;
  if ((flags & FLAG.first) === 0) return { type: 'chunk', stream, isLast, part: frame.subarray(HEADER_BYTES) };
  if (frame.length < HEADER_BYTES + 4) throw new ProtocolError('a first chunk without a length', frame);
  const totalBytes = frame.readUInt32BE(HEADER_BYTES);
  return { type: 'chunk', stream, totalBytes, isLast, part: frame.subarray(HEADER_BYTES + 4) };
}

function listBytes(parts: readonly Buffer[]): number {
  let bytes = 0;
  for (let i = 0; i < parts.length; i++) bytes += 4 + parts[i]!.length;
  return bytes;
}

/** Each part as its length and its bytes, to the end of the frame. */
function writeList(out: Buffer, parts: readonly Buffer[], at: number): void {
  let offset = at;
  for (let i = 0; i < parts.length; i++) {
    const part = parts[i]!;
    offset = writeUint32(out, part.length, offset);
    out.set(part, offset);
    offset += part.length;
  }
}

function readList(frame: Buffer, at: number): Buffer[] {
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
