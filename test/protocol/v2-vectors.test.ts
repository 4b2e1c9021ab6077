import type { UnknownCode } from '../../protocol/codes';
import { FrameReader, MAX_FRAME_BYTES } from '../../protocol/frame';
import type { V2Message } from '../../protocol/message';
import { ProtocolError } from '../../protocol/protocol-error';
import { v1Codec, v1Framing } from '../../protocol/v1';
import { orderOf } from '../../protocol/frame-order';
import { V2_MAX_FRAME_BYTES, V2_TYPE, v2Codec, v2Framing } from '../../protocol/v2';
import { piecesOf, readV2Messages, readV2Vectors, readVectors } from './vectors';

const { good, malformed } = readV2Vectors();
const v1Good = readVectors().good;

afterEach(() => {
  jest.restoreAllMocks();
});

describe('golden bytes of wire version 2', () => {
  test.each(good)('"$name" is read as its message', ({ bytes, message }) => {
    expect(v2Codec.decode(bytes)).toEqual(message);
  });

  test.each(good)('"$name" is written byte for byte', ({ bytes, message }) => {
    expect(v2Codec.encode(message).toString('hex')).toBe(bytes.toString('hex'));
  });

  test.each(Object.keys(V2_TYPE))('there are bytes for %s', (type) => {
    expect(good.filter(({ message }) => message.type === type)).not.toHaveLength(0);
  });

  test('no number of a type stands for two', () => {
    expect(new Set(Object.values(V2_TYPE)).size).toBe(Object.keys(V2_TYPE).length);
  });
});

describe('a frame of version 2 arrives in any pieces', () => {
  test.each(good)('"$name" cut at every point, and byte by byte', ({ bytes, message }) => {
    const readings: V2Message[][] = [readV2Messages(piecesOf(bytes, 1))];
    for (let cut = 1; cut < bytes.length; cut++) readings.push(readV2Messages([bytes.subarray(0, cut), bytes.subarray(cut)]));
    expect(readings).toEqual(readings.map(() => [message]));
  });

  const everything = Buffer.concat(good.map(({ bytes }) => bytes));

  test.each([1, 2, 3, 5, 11, 12, 13, 64, 1000, everything.length])(
    'all frames one after the other, in chunks of %i bytes',
    (chunkBytes) => {
      expect(readV2Messages(piecesOf(everything, chunkBytes))).toEqual(good.map(({ message }) => message));
    },
  );
});

describe('bytes that are not a frame of version 2', () => {
  test.each(malformed)('"$name" is refused: $error', ({ bytes, error }) => {
    const read = (): void => {
      if (readV2Messages([bytes]).length === 0) v2Codec.decode(bytes);
    };
    expect(read).toThrow(ProtocolError);
    expect(read).toThrow(error);
  });

  test.each(malformed)('"$name" is refused by the codec alone', ({ bytes }) => {
    expect(() => v2Codec.decode(bytes)).toThrow(ProtocolError);
  });

  test('a frame with a byte too many or too few is refused', () => {
    for (const { bytes } of good) {
      expect(() => v2Codec.decode(Buffer.concat([bytes, Buffer.alloc(1)]))).toThrow('wrong frame length');
      expect(() => v2Codec.decode(bytes.subarray(0, -1))).toThrow(ProtocolError);
    }
  });

  test.each([
    ['whole', (bytes: Buffer) => [bytes]],
    ['byte by byte', (bytes: Buffer) => piecesOf(bytes, 1)],
  ])('the length is checked before anything is allocated, header %s', (_name, cut) => {
    const tooLong = malformed.filter(({ error }) => error === 'exceeds the limit');
    expect(tooLong).not.toHaveLength(0);
    const allocations = [jest.spyOn(Buffer, 'allocUnsafe'), jest.spyOn(Buffer, 'alloc'), jest.spyOn(Buffer, 'allocUnsafeSlow')];
    for (const { bytes } of tooLong) expect(() => readV2Messages(cut(bytes))).toThrow('exceeds the limit');
    const sizes = allocations.flatMap(({ mock }) => mock.calls.map(([size]) => size));
    expect(sizes.filter((size) => size > 1024)).toEqual([]);
  });
});

describe('what a newer peer may send', () => {
  const frame = (type: number, flags: number, body = ''): Buffer =>
    Buffer.concat([Buffer.from([2, type, flags >> 8, flags & 255, 0, 0, 0, 7, 0, 0, 0, body.length]), Buffer.from(body)]);

  test.each([100, 101, 200, 255])('a frame of type %i is unknown, and skipped by the caller', (type) => {
    expect(v2Codec.decode(frame(type, 0xffff, 'anything'))).toEqual({
      type: 'unknown',
      id: 7,
      timeoutMs: 0,
      name: String(type),
    });
  });

  test('flags that are not known are not looked at', () => {
    expect(v2Codec.decode(frame(8, 0x7fff))).toEqual({ type: 'ping', id: 7, timeoutMs: 0 });
    expect(v2Codec.decode(frame(5, 0x7fe0, '\0\x01m'))).toEqual({
      type: 'call',
      id: 7,
      timeoutMs: 0,
      method: 'm',
      args: [],
      oneway: false,
    });
    expect(v2Codec.decode(frame(14, 0x7ff0, '\0\0\0\x05\0\x01n\0\0\0\0'))).toEqual({
      type: 'join',
      id: 7,
      channel: { name: 'n', identity: '', isStrict: false },
      candidacy: 'follows',
      term: 5,
      codecs: [],
    });
    expect(v2Codec.decode(frame(17, 0x7ffe, '\0\0\0\x05'))).toEqual({ type: 'appoint', id: 7, term: 5, isSucceeding: false });
    expect(v2Codec.decode(frame(19, 0x7fff))).toEqual({ type: 'resign' });
  });

  test('codecs that are not known are read as they are', () => {
    const { codecs } = v2Codec.decode(frame(14, 0, '\0\0\0\x05\0\0\0\0\0\x08cbor,,x,')) as { codecs?: unknown };
    expect(codecs).toEqual(['cbor', '', 'x', '']);
  });
});

describe('texts whose length is a uint16', () => {
  const id = 7;
  const channel = { name: 'n', identity: 'i', isStrict: false };
  const join: V2Message = { type: 'join', id, channel, candidacy: 'competes', term: 1, codecs: ['structured'] };
  const announce: V2Message = { type: 'announce', channel, term: 1, port: 1 };
  const unknown = (code: string): UnknownCode => code as UnknownCode;
  const refusal = (code: string, sentence: string): V2Message => ({
    type: 'refusal',
    id,
    code: unknown(code),
    sentence,
    payload: Buffer.from('more'),
  });
  const [longest, longestWide] = ['n'.repeat(65_535), '配'.repeat(32_767)];

  test.each<[string, V2Message]>([
    ['a name', { ...join, channel: { ...channel, name: longest } }],
    ['a name beyond Latin-1', { ...join, channel: { ...channel, name: longestWide } }],
    ['an identity', { ...announce, channel: { ...channel, identity: longest } }],
    ['a sentence', refusal('c', longest)],
    ['a sentence beyond Latin-1', refusal('c', longestWide)],
    ['a sentence that only its code makes wide', refusal('配', 'n'.repeat(32_767))],
  ])('%s may be as long as that', (_name, message) => {
    expect(v2Codec.decode(v2Codec.encode(message))).toEqual(message);
  });

  test.each<[string, V2Message]>([
    ['a name', { ...join, channel: { ...channel, name: `${longest}n` } }],
    ['a name beyond Latin-1', { ...announce, channel: { ...channel, name: `${longestWide}n` } }],
    ['a name that only its identity makes wide', { ...join, channel: { ...channel, name: longest, identity: '配' } }],
    ['an identity', { ...announce, channel: { ...channel, identity: `${longest}n` } }],
    ['all codecs together', { ...join, codecs: [longest, ''] }],
    ['a code', { type: 'wait', id, code: unknown(`${longest}n`), sentence: '' }],
    ['the code of a refusal', refusal(`${longest}n`, '')],
    ['the codec that is agreed', { type: 'joined', id, term: 1, codec: `${longest}n`, identity: '', parts: Buffer.alloc(0) }],
  ])('%s that is longer is not written', (_name, message) => {
    expect(() => v2Codec.encode(message)).toThrow(TypeError);
  });

  test.each<[string, V2Message, V2Message]>([
    ['Latin-1', refusal('c', `${longest}!`), refusal('c', longest)],
    ['beyond Latin-1', refusal('c', `${longestWide}!`), refusal('c', longestWide)],
    ['wide because of its code', refusal('配', longest), refusal('配', 'n'.repeat(32_767))],
    ['wide because of what is cut', refusal('c', `${'n'.repeat(70_000)}配`), refusal('c', 'n'.repeat(32_767))],
  ])('a sentence that is longer is cut: %s', (_name, message, expected) => {
    expect(v2Codec.decode(v2Codec.encode(message))).toEqual(expected);
  });

  test('the sentence of a wait goes to the end of the frame, however long it is', () => {
    const wait: V2Message = { type: 'wait', id, code: 'upstream', sentence: 'n'.repeat(100_000) };
    expect(v2Codec.decode(v2Codec.encode(wait))).toEqual(wait);
  });
});

test('a message of unknown type is never written', () => {
  expect(() => v2Codec.encode({ type: 'unknown', name: 'new', id: 1, timeoutMs: 0 })).toThrow('unknown type new');
});

test('the bytes of an event belong to no follower: the same message gives the same frame', () => {
  const event: V2Message = { type: 'topic-event', topic: 3, payload: Buffer.from('value') };
  expect(v2Codec.encode(event).equals(v2Codec.encode({ ...event }))).toBe(true);
});

describe('the order of frames', () => {
  const order = (message: V2Message): number | undefined => orderOf(v2Codec.encode(message));
  const payload = Buffer.from('x');
  const envelope = { id: 9, timeoutMs: 0 };
  const call: V2Message = { type: 'call', ...envelope, method: 'm', args: [], oneway: true };

  test('the events of a topic stay in order, and do not hold up other topics', () => {
    const first = order({ type: 'topic-event', topic: 1, payload });
    expect(first).toBeDefined();
    expect(order({ type: 'topic-event', topic: 2, payload })).not.toBe(first);
  });

  test('what a follower asks stays in order', () => {
    const subscribe = order({ type: 'topic-subscribe', id: 9, key: 'k', payload });
    expect(subscribe).toBeDefined();
    expect(order({ type: 'plain-subscribe', id: 9, keys: ['k'] })).toBe(subscribe);
    expect(order({ type: 'topic-unsubscribe', id: 9 })).toBe(subscribe);
    expect(order(call)).toBe(subscribe);
    expect(order({ type: 'topic-event', topic: 2 ** 32 - 1, payload })).not.toBe(subscribe);
  });

  test('the items of a stream stay in order, and its end behind them', () => {
    const item = order({ type: 'stream-item', id: 1, answersStop: false, payload });
    expect(item).toBeDefined();
    expect(order({ type: 'stream-done', id: 1, answersStop: false, payload })).toBe(item);
    expect(order({ type: 'stream-failure', id: 1, answersStop: true, payload })).toBe(item);
    expect(order({ type: 'stream-item', id: 2, answersStop: false, payload })).not.toBe(item);
    expect(order({ type: 'topic-event', topic: 1, payload })).not.toBe(item);
    expect(order(call)).not.toBe(item);
  });

  test('what a reader says of a stream stays behind what the follower has asked', () => {
    const asked = order(call);
    expect(order({ type: 'stream-open', id: 1, creditBytes: 1, method: 'm', args: [] })).toBe(asked);
    expect(order({ type: 'stream-credit', id: 1, bytes: 1 })).toBe(asked);
    expect(order({ type: 'stream-stop', id: 1, how: 'return', payload })).toBe(asked);
  });

  test.each<V2Message>([
    { type: 'ping', ...envelope },
    { type: 'pong', ...envelope },
    { type: 'call-result', ...envelope, values: [] },
    { type: 'call-failure', ...envelope, payload },
    { type: 'key-failure', verb: 'publish', key: 'k', payload },
    { type: 'goaway', code: 'hand-off', sentence: '' },
    { type: 'refusal', id: 0, code: 'not-proven', sentence: '', payload },
    { type: 'prove', proof: Buffer.alloc(32) },
    { type: 'redirect', id: 9, term: 1, port: 1 },
    { type: 'resign' },
  ])('$type may pass', (message) => {
    expect(order(message)).toBeUndefined();
  });
});

describe('the change from version 1', () => {
  const decode = (frame: Buffer): unknown => (frame[0] === 2 ? v2Codec.decode(frame) : v1Codec.decode(frame));
  const old = v1Good.slice(0, 5);
  const stream = Buffer.concat([...old, ...good].map(({ bytes }) => bytes));
  const messages = [...old, ...good].map(({ message }) => message as unknown);

  function upgraded(): FrameReader {
    const reader = new FrameReader(v1Framing);
    reader.upgrade(v2Framing, V2_MAX_FRAME_BYTES);
    return reader;
  }

  test.each([1, 2, 7, 13, 100, stream.length])(
    'what is under way in version 1 is still read, then all of version 2; in chunks of %i bytes',
    (chunkBytes) => {
      const reader = upgraded();
      const got: unknown[] = [];
      for (const piece of piecesOf(stream, chunkBytes)) reader.push(piece, (frame) => void got.push(decode(frame)));
      expect(got).toEqual(messages);
    },
  );

  test('it may be allowed by the frame before, in the same chunk', () => {
    const reader = new FrameReader(v1Framing);
    const got: unknown[] = [];
    reader.push(Buffer.concat([old[0]!.bytes, good[0]!.bytes]), (frame) => {
      got.push(decode(frame));
      reader.upgrade(v2Framing, V2_MAX_FRAME_BYTES);
    });
    expect(got).toEqual([old[0]!.message, good[0]!.message]);
  });

  test('it may be allowed while a frame of version 1 is incomplete', () => {
    const { bytes, message } = old[0]!;
    for (let cut = 1; cut < bytes.length; cut++) {
      const reader = new FrameReader(v1Framing);
      const got: unknown[] = [];
      reader.push(bytes.subarray(0, cut), (frame) => void got.push(decode(frame)));
      reader.upgrade(v2Framing, V2_MAX_FRAME_BYTES);
      reader.push(Buffer.concat([bytes.subarray(cut), good[0]!.bytes]), (frame) => void got.push(decode(frame)));
      expect(got).toEqual([message, good[0]!.message]);
    }
  });

  test('there is no way back', () => {
    const reader = upgraded();
    reader.push(good[0]!.bytes, () => undefined);
    expect(() => {
      reader.push(old[0]!.bytes, () => undefined);
    }).toThrow('not a frame of this protocol');
  });

  test('version 2 is not allowed before', () => {
    const reader = new FrameReader(v1Framing, MAX_FRAME_BYTES);
    expect(() => {
      reader.push(good[0]!.bytes, () => undefined);
    }).toThrow('not a frame of this protocol');
  });

  test('the limit of version 2 counts from its first frame on', () => {
    const reader = upgraded();
    expect(reader.maxFrameBytes).toBe(MAX_FRAME_BYTES);
    reader.push(good[0]!.bytes, () => undefined);
    expect(reader.maxFrameBytes).toBe(V2_MAX_FRAME_BYTES);
  });
});
