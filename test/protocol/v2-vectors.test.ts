import { FrameReader, MAX_FRAME_BYTES } from '../../protocol/frame';
import type { V2Message } from '../../protocol/message';
import { ProtocolError } from '../../protocol/protocol-error';
import { v1Codec, v1Framing } from '../../protocol/v1';
import { orderOf, V2_MAX_FRAME_BYTES, V2_TYPE, v2Codec, v2Framing } from '../../protocol/v2';
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

  test.each([13, 15, 18, 255])('a frame of type %i is unknown, and skipped by the caller', (type) => {
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

  test('a topic and its events stay in order, and do not hold up other topics', () => {
    const first = order({ type: 'topic', topic: 1, key: 'k' });
    expect(first).toBeDefined();
    expect(order({ type: 'topic-event', topic: 1, payload })).toBe(first);
    expect(order({ type: 'topic-event', topic: 2, payload })).not.toBe(first);
  });

  test('what a follower asks stays in order', () => {
    const registration = undefined;
    const subscribe = order({ type: 'subscribe', ...envelope, key: 'k', registration, payload });
    expect(subscribe).toBeDefined();
    expect(order({ type: 'unsubscribe', ...envelope, key: 'k', registration })).toBe(subscribe);
    expect(order(call)).toBe(subscribe);
    expect(order({ type: 'topic', topic: 2 ** 32 - 1, key: 'k' })).not.toBe(subscribe);
  });

  test.each<V2Message>([
    { type: 'ping', ...envelope },
    { type: 'pong', ...envelope },
    { type: 'call-result', ...envelope, values: [] },
    { type: 'call-failure', ...envelope, payload },
    { type: 'goaway', code: 'closing', sentence: '' },
    { type: 'refusal', id: 0, code: 'c', sentence: '' },
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
