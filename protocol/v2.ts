// Wire version 2: what processes of trunkline speak after their hellos. A frame is a 12-byte header and a body without JSON;
// events name the key by a number, and the frame of an event is the same for every follower. README.md lists the numbers; golden
// bytes are in vectors/v2.json.

import { CANDIDACIES } from './candidacy';
import type { GoawayCode, RefusalCode, UnknownCode, WaitCode } from './codes';
import type { Framing } from './frame';
import { isSecretLength } from './hello';
import { isWide } from './latin1';
import type { ChannelId, Codec, V2Message } from './message';
import { ProtocolError } from './protocol-error';
import {
  HEADER_BYTES,
  MAX_TEXT_BYTES,
  OFFSET,
  VERSION,
  assertEnd,
  begin,
  listBytes,
  readLines,
  readList,
  readNumbers,
  readSlice,
  readText,
  readUint32,
  uint32,
  uint32At,
  wideFlag,
  withNumbers,
  withPayload,
  withText,
  withTexts,
  writeHeader,
  writeList,
  writeText,
  writeUint32,
} from './v2-frame';
import { readCall, writeCall } from './v2-call';
import { STREAM_TYPE, readStream, writeStream } from './v2-streams';
import { readContext, writeContext } from './v2-context';
import { readState, writeState } from './v2-state';
import { readAbort, readSignals, writeAbort, writeSignals } from './v2-signals';

/** Append-only. */
export const V2_TYPE = {
  'topic-subscribe': 1,
  'topic-unsubscribe': 2,
  topics: 3,
  'topic-event': 4,
  call: 5,
  'call-result': 6,
  'call-failure': 7,
  ping: 8,
  pong: 9,
  goaway: 10,
  refusal: 11,
  chunk: 12,
  prove: 13,
  join: 14,
  joined: 15,
  redirect: 16,
  appoint: 17,
  announce: 18,
  resign: 19,
  wait: 20,
  'plain-subscribe': 21,
  'key-failure': 22,
  'shared-methods': 23,
  'call-signals': 24,
  abort: 25,
  ...STREAM_TYPE,
  'call-context': 40,
  'upstream-state': 41,
  look: 42,
  'look-result': 43,
} as const satisfies Partial<Record<V2Message['type'], number>>;

const TYPE = V2_TYPE;

const FLAG = {
  first: 1,
  last: 2,
  strict: 1,
  keys: 8,
  succeeding: 1,
  publication: 1,
  streams: 1,
  states: 2,
} as const;

/** Longer frames are sent in chunks, and nothing waits long behind a long frame. */
export const V2_MAX_FRAME_BYTES = 256 * 1024;

/** Keys in a message: the numbers in the answer go in a single piece, and no event overtakes the numbers. */
export const MAX_PLAIN_KEYS = 10_000;

const NO_HINT = 0xffff_ffff;

export const v2Framing: Framing = {
  headerBytes: HEADER_BYTES,
  mayStartWith: (firstByte) => firstByte === VERSION,
  bodyBytes: (bytes, at) => uint32At(bytes, at + OFFSET.bodyLength),
};

export const v2Codec: Codec<V2Message> = {
  version: VERSION,

  encode(message) {
    switch (message.type) {
      case 'topic-event':
        return withPayload(TYPE['topic-event'], 0, message.topic, message.payload);
      case 'call':
        return writeCall(TYPE.call, message);
      case 'call-signals':
        return writeSignals(TYPE['call-signals'], message);
      case 'abort':
        return writeAbort(TYPE.abort, message);
      case 'stream-open':
      case 'stream-credit':
      case 'stream-stop':
      case 'stream-item':
      case 'stream-done':
      case 'stream-failure':
        return writeStream(message);
      case 'call-context':
        return writeContext(TYPE['call-context'], message);
      case 'look':
        return withNumbers(TYPE.look, message.id, [message.hops]);
      case 'look-result':
        return withPayload(TYPE['look-result'], 0, message.id, Buffer.from(message.text));
      case 'upstream-state':
        return writeState(TYPE['upstream-state'], message);
      case 'call-result': {
        const out = begin(TYPE['call-result'], 0, message.id, listBytes(message.values));
        writeList(out, message.values, HEADER_BYTES);
        return out;
      }
      case 'call-failure':
        return withPayload(TYPE['call-failure'], 0, message.id, message.payload);
      case 'topic-subscribe':
        return withKey(TYPE['topic-subscribe'], 0, message.id, message);
      case 'plain-subscribe':
        return withText(TYPE['plain-subscribe'], message.id, message.keys.join('\n'));
      case 'topic-unsubscribe':
        return begin(TYPE['topic-unsubscribe'], 0, message.id, 0);
      case 'key-failure':
        return withKey(TYPE['key-failure'], message.verb === 'publish' ? FLAG.publication : 0, 0, message);
      case 'topics':
        return withNumbers(TYPE.topics, message.id, message.topics);
      case 'ping':
        return begin(TYPE.ping, 0, message.id, 0);
      case 'pong':
        return begin(TYPE.pong, 0, message.id, 0);
      case 'goaway':
        return withTexts(TYPE.goaway, 0, 0, uint32(message.retryAfterMs ?? NO_HINT), [message.code], message.sentence);
      case 'refusal': {
        const { id, code, sentence, payload } = message;
        const maxCharacters = isWide(code + sentence) ? MAX_TEXT_BYTES >> 1 : MAX_TEXT_BYTES;
        return withTexts(TYPE.refusal, 0, id, NOTHING, [code, sentence.slice(0, maxCharacters)], payload);
      }
      case 'prove':
        return withPayload(TYPE.prove, 0, 0, message.proof);
      case 'join': {
        const { id, channel, candidacy, term, codecs, keys } = message;
        const flags = channelFlags(channel) | (CANDIDACIES.indexOf(candidacy) << 1) | (keys ? FLAG.keys : 0);
        const texts = [channel.name, channel.identity, codecs.join(',')];
        return withTexts(TYPE.join, flags, id, uint32(term), texts, keys?.join('\n') ?? NOTHING);
      }
      case 'joined': {
        const { id, term, codec, identity, parts, streams, states } = message;
        const flags = (streams ? FLAG.streams : 0) | (states ? FLAG.states : 0);
        return withTexts(TYPE.joined, flags, id, uint32(term), [codec, identity], parts);
      }
      case 'shared-methods':
        return withText(TYPE['shared-methods'], 0, message.methods.join('\n'));
      case 'redirect':
        return withPayload(TYPE.redirect, 0, message.id, termAndPort(message));
      case 'appoint':
        return withPayload(TYPE.appoint, message.isSucceeding ? FLAG.succeeding : 0, message.id, uint32(message.term));
      case 'announce': {
        const { channel } = message;
        const texts = [channel.name, channel.identity];
        return withTexts(TYPE.announce, channelFlags(channel), 0, termAndPort(message), texts, NOTHING);
      }
      case 'resign':
        return begin(TYPE.resign, 0, 0, 0);
      case 'wait':
        return withTexts(TYPE.wait, 0, message.id, NOTHING, [message.code], message.sentence);
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
      case TYPE['call-signals']:
        return readSignals(frame, flags, id);
      case TYPE.abort:
        return readAbort(frame, id);
      case TYPE['call-context']:
        return readContext(frame, flags, id);
      case TYPE.look: {
        const hops = readUint32(frame, HEADER_BYTES);
        assertEnd(frame, HEADER_BYTES + 4);
        return { type: 'look', id, hops };
      }
      case TYPE['look-result']:
        return { type: 'look-result', id, text: frame.toString('utf8', HEADER_BYTES) };
      case TYPE['upstream-state']:
        return readState(frame, flags);
      case TYPE['call-result']:
        return { type: 'call-result', id, timeoutMs: 0, values: readList(frame, HEADER_BYTES) };
      case TYPE['call-failure']:
        return { type: 'call-failure', id, timeoutMs: 0, payload: frame.subarray(HEADER_BYTES) };
      case TYPE['topic-subscribe']: {
        const [key, end] = readText(frame, HEADER_BYTES, 4, flags);
        return { type: 'topic-subscribe', id, key, payload: frame.subarray(end) };
      }
      case TYPE['key-failure']: {
        const [key, end] = readText(frame, HEADER_BYTES, 4, flags);
        const verb = (flags & FLAG.publication) !== 0 ? 'publish' : 'subscribe';
        return { type: 'key-failure', verb, key, payload: frame.subarray(end) };
      }
      case TYPE['topic-unsubscribe']:
        assertEnd(frame, HEADER_BYTES);
        return { type: 'topic-unsubscribe', id };
      case TYPE['plain-subscribe']:
        return { type: 'plain-subscribe', id, keys: readLines(frame, HEADER_BYTES, flags, MAX_PLAIN_KEYS) };
      case TYPE.topics:
        return { type: 'topics', id, topics: readNumbers(frame, HEADER_BYTES) };
      case TYPE.ping:
      case TYPE.pong:
        if (frame.length > HEADER_BYTES) throw new ProtocolError('a ping with a body', frame);
        return { type: type === TYPE.ping ? 'ping' : 'pong', id, timeoutMs: 0 };
      case TYPE.goaway: {
        const hint = readUint32(frame, HEADER_BYTES);
        const retry = hint === NO_HINT ? undefined : { retryAfterMs: hint };
        return { type: 'goaway', ...readCode<GoawayCode>(frame, HEADER_BYTES + 4, flags), ...retry };
      }
      case TYPE.refusal: {
        const [code, codeEnd] = readText(frame, HEADER_BYTES, 2, flags);
        const [sentence, end] = readText(frame, codeEnd, 2, flags);
        return { type: 'refusal', id, code: code as RefusalCode | UnknownCode, sentence, payload: frame.subarray(end) };
      }
      case TYPE.prove: {
        const proof = frame.subarray(HEADER_BYTES);
        if (!isSecretLength(proof.length)) throw new ProtocolError(`a proof of ${proof.length} bytes`, frame);
        return { type: 'prove', proof };
      }
      case TYPE.join: {
        const term = readUint32(frame, HEADER_BYTES);
        const [channel, channelEnd] = readChannel(frame, HEADER_BYTES + 4, flags);
        const [names, end] = readText(frame, channelEnd, 2, flags);
        const hasKeys = (flags & FLAG.keys) !== 0;
        if (!hasKeys) assertEnd(frame, end);
        const codecs = names === '' ? [] : names.split(',');
        const keys = hasKeys ? { keys: readLines(frame, end, flags, MAX_PLAIN_KEYS) } : undefined;
        return { type: 'join', id, channel, candidacy: CANDIDACIES[(flags >> 1) & 3]!, term, codecs, ...keys };
      }
      case TYPE.joined: {
        const term = readUint32(frame, HEADER_BYTES);
        const [codec, codecEnd] = readText(frame, HEADER_BYTES + 4, 2, flags);
        const [identity, end] = readText(frame, codecEnd, 2, flags);
        const streams = (flags & FLAG.streams) !== 0 ? { streams: true } : undefined;
        const states = (flags & FLAG.states) !== 0 ? { states: true } : undefined;
        return { type: 'joined', id, term, codec, identity, parts: frame.subarray(end), ...streams, ...states };
      }
      case TYPE['shared-methods']:
        return { type: 'shared-methods', methods: readLines(frame, HEADER_BYTES, flags, MAX_PLAIN_KEYS) };
      case TYPE.redirect: {
        const { term, port } = readTermAndPort(frame);
        assertEnd(frame, HEADER_BYTES + 6);
        return { type: 'redirect', id, term, port };
      }
      case TYPE.appoint: {
        const term = readUint32(frame, HEADER_BYTES);
        assertEnd(frame, HEADER_BYTES + 4);
        return { type: 'appoint', id, term, isSucceeding: (flags & FLAG.succeeding) !== 0 };
      }
      case TYPE.announce: {
        const { term, port } = readTermAndPort(frame);
        const [channel, end] = readChannel(frame, HEADER_BYTES + 6, flags);
        assertEnd(frame, end);
        return { type: 'announce', channel, term, port };
      }
      case TYPE.resign:
        assertEnd(frame, HEADER_BYTES);
        return { type: 'resign' };
      case TYPE.wait:
        return { type: 'wait', id, ...readCode<WaitCode>(frame, HEADER_BYTES, flags) };
      case TYPE.chunk:
        return readChunk(frame, flags, id);
      case 0:
        throw new ProtocolError('frame type 0', frame);
      default:
        return readStream(frame, type, flags, id) ?? { type: 'unknown', id, timeoutMs: 0, name: String(type) };
    }
  },
};

/** What the frame of an event takes before the value. */
export const EVENT_ROOM = HEADER_BYTES;

/**
 * The frame of an event, made where the value lies.
 * @param payload preceded by EVENT_ROOM reserved bytes, which are 0 at first
 * @returns undefined when the reserved bytes hold the frame for another topic already
 */
export function eventInPlace(topic: number, payload: Buffer): Buffer | undefined {
  const frame = Buffer.from(payload.buffer, payload.byteOffset - EVENT_ROOM, EVENT_ROOM + payload.length);
  if (frame[OFFSET.version] === 0) writeHeader(frame, TYPE['topic-event'], 0, topic, payload.length);
  return frame.readUInt32BE(OFFSET.id) === topic ? frame : undefined;
}

/** The number of the topic, when the whole frame that begins here is an event; undefined for any other frame. */
export function topicOfEvent(bytes: Buffer, at: number): number | undefined {
  if (bytes[at] !== VERSION || bytes[at + OFFSET.type] !== TYPE['topic-event']) return undefined;
  return uint32At(bytes, at + OFFSET.id);
}

/** The header before a part of a frame; the part need not be copied. */
export function chunkHeader(stream: number, totalBytes: number | undefined, isLast: boolean, partBytes: number): Buffer {
  const isFirst = totalBytes !== undefined;
  const flags = (isFirst ? FLAG.first : 0) | (isLast ? FLAG.last : 0);
  const out = Buffer.allocUnsafe(HEADER_BYTES + (isFirst ? 4 : 0));
  writeHeader(out, TYPE.chunk, flags, stream, partBytes + (isFirst ? 4 : 0));
  if (isFirst) out.writeUInt32BE(totalBytes, HEADER_BYTES);
  return out;
}

function withKey(type: number, flags: number, id: number, { key, payload }: KeyedPayload): Buffer {
  const wide = wideFlag(key);
  const keyBytes = wide ? key.length * 2 : key.length;
  const out = begin(type, flags | wide, id, 4 + keyBytes + payload.length);
  out.set(payload, writeText(out, key, writeUint32(out, keyBytes, HEADER_BYTES), wide));
  return out;
}

interface KeyedPayload {
  readonly key: string;
  readonly payload: Buffer;
}

const NOTHING = Buffer.alloc(0);

function termAndPort({ term, port }: { term: number; port: number }): Buffer {
  const bytes = Buffer.allocUnsafe(6);
  bytes.writeUInt16BE(port, bytes.writeUInt32BE(term));
  return bytes;
}

function channelFlags({ isStrict }: ChannelId): number {
  return isStrict ? FLAG.strict : 0;
}

function readCode<C extends string>(frame: Buffer, at: number, flags: number): { code: C | UnknownCode; sentence: string } {
  const [code, end] = readText(frame, at, 2, flags);
  return { code: code as C | UnknownCode, sentence: readSlice(frame, end, frame.length, flags) };
}

function readTermAndPort(frame: Buffer): { term: number; port: number } {
  const term = readUint32(frame, HEADER_BYTES);
  if (frame.length < HEADER_BYTES + 6) throw new ProtocolError('a number ends early', frame);
  const port = frame.readUInt16BE(HEADER_BYTES + 4);
  if (port === 0) throw new ProtocolError('port 0', frame);
  return { term, port };
}

function readChannel(frame: Buffer, at: number, flags: number): [channel: ChannelId, end: number] {
  const [name, nameEnd] = readText(frame, at, 2, flags);
  const [identity, end] = readText(frame, nameEnd, 2, flags);
  return [{ name, identity, isStrict: (flags & FLAG.strict) !== 0 }, end];
}

function readChunk(frame: Buffer, flags: number, stream: number): Extract<V2Message, { type: 'chunk' }> {
  const isLast = (flags & FLAG.last) !== 0;
  if ((flags & FLAG.first) === 0) return { type: 'chunk', stream, isLast, part: frame.subarray(HEADER_BYTES) };
  if (frame.length < HEADER_BYTES + 4) throw new ProtocolError('a first chunk without a length', frame);
  const totalBytes = frame.readUInt32BE(HEADER_BYTES);
  return { type: 'chunk', stream, totalBytes, isLast, part: frame.subarray(HEADER_BYTES + 4) };
}
