import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { CHUNK_BYTES, ChunkAssembler, ChunkSender, chunksOf, MAX_CHUNKED } from '../../protocol/chunks';
import { FrameReader } from '../../protocol/frame';
import type { Chunk, V2Message } from '../../protocol/message';
import { ProtocolError } from '../../protocol/protocol-error';
import { V2_MAX_FRAME_BYTES, v2Codec, v2Framing } from '../../protocol/v2';
import { readV2Messages } from './vectors';

const MB = 1024 * 1024;

function eventOf(bytes: number, topic = 1): { message: V2Message; frame: Buffer } {
  const payload = Buffer.alloc(bytes);
  for (let i = 0; i < bytes; i += 1000) payload[i] = i % 251;
  const message: V2Message = { type: 'topic-event', topic, payload };
  return { message, frame: v2Codec.encode(message) };
}

/** Payloads as hashes: the matcher takes seconds for megabytes. */
function short(messages: readonly V2Message[]): unknown[] {
  return messages.map((message) =>
    'payload' in message && message.payload
      ? { ...message, payload: createHash('sha1').update(message.payload).digest('hex') }
      : message,
  );
}

function chunkFrames(frame: Buffer, stream = 1): Buffer[] {
  return [...chunksOf(frame, stream)].map((parts) => Buffer.concat(parts));
}

/** What a receiver does with the bytes of a connection. */
function receive(stream: Buffer, assembler = new ChunkAssembler()): V2Message[] {
  const reader = new FrameReader(v2Framing, V2_MAX_FRAME_BYTES);
  const messages: V2Message[] = [];
  const take = (frame: Buffer): void => {
    const message = v2Codec.decode(frame);
    if (message.type !== 'chunk') messages.push(message);
    else {
      const whole = assembler.push(message);
      if (whole) take(whole);
    }
  };
  for (let offset = 0; offset < stream.length; offset += 65_536) reader.push(stream.subarray(offset, offset + 65_536), take);
  return messages;
}

const chunk = (stream: number, length: number, totalBytes?: number, isLast = false): Chunk => ({
  type: 'chunk',
  stream,
  ...(totalBytes !== undefined && { totalBytes }),
  isLast,
  part: Buffer.alloc(length),
});

afterEach(() => {
  jest.restoreAllMocks();
});

test('20 MB go in chunks with pings between them, and arrive whole', () => {
  const { message, frame } = eventOf(20 * MB);
  const ping = (id: number): V2Message => ({ type: 'ping', id, timeoutMs: 0 });
  const sent = chunkFrames(frame).flatMap((bytes, index) => [bytes, v2Codec.encode(ping(index + 1))]);
  const got = receive(Buffer.concat(sent));
  expect(sent).toHaveLength(2 * 161);
  expect(got.slice(0, 160)).toEqual(Array.from({ length: 160 }, (_, index) => ping(index + 1)));
  expect((got[160] as typeof message & { payload: Buffer }).payload.equals((message as { payload: Buffer }).payload)).toBe(true);
  expect(got[161]).toEqual(ping(161));
});

test('no chunk is longer than a frame may be', () => {
  for (const bytes of chunkFrames(eventOf(MB).frame)) expect(bytes.length).toBeLessThanOrEqual(CHUNK_BYTES + 16);
  expect(CHUNK_BYTES + 16).toBeLessThan(V2_MAX_FRAME_BYTES);
});

test('the parts of a frame are views of it', () => {
  const { frame } = eventOf(MB);
  for (const [, part] of chunksOf(frame, 1)) expect(part.buffer).toBe(frame.buffer);
});

test('frames of any length are the same when they are put together', () => {
  const lengths = fc.oneof(
    fc.nat(3 * CHUNK_BYTES),
    fc.integer({ min: -13, max: 1 }).map((more) => CHUNK_BYTES + more),
  );
  fc.assert(
    fc.property(lengths, fc.nat(2 ** 32 - 1), (length, stream) => {
      const { frame } = eventOf(length);
      const assembler = new ChunkAssembler();
      const wholes = chunkFrames(frame, stream).map((bytes) => assembler.push(v2Codec.decode(bytes) as Chunk));
      expect(wholes.slice(0, -1).every((whole) => whole === undefined)).toBe(true);
      expect(wholes.at(-1)!.equals(frame)).toBe(true);
    }),
    { numRuns: 50 },
  );
});

test('several frames may be under way at once', () => {
  const events = Array.from({ length: MAX_CHUNKED }, (_, topic) => eventOf(300_000 + topic, topic));
  const streams = events.map(({ frame }, index) => chunkFrames(frame, index));
  const sent = streams[0]!.flatMap((_, turn) => streams.map((chunks) => chunks[turn]!));
  expect(short(receive(Buffer.concat(sent)))).toEqual(short(events.map(({ message }) => message)));
});

test('a number of a stream may be used again when its frame is complete', () => {
  const { message, frame } = eventOf(300_000);
  const sent = Buffer.concat([...chunkFrames(frame, 1), ...chunkFrames(frame, 1)]);
  expect(short(receive(sent))).toEqual(short([message, message]));
});

describe('a sender', () => {
  const ping = v2Codec.encode({ type: 'ping', id: 1, timeoutMs: 0 });
  const result = v2Codec.encode({ type: 'call-result', id: 1, timeoutMs: 0, values: [] });
  const call = (length: number): Buffer =>
    v2Codec.encode({ type: 'call', id: 1, timeoutMs: 0, method: 'm', args: [Buffer.alloc(length)], oneway: false });

  /** Everything that waits, in the order of sending. */
  function drain(sender: ChunkSender): V2Message[] {
    const sent: Buffer[] = [];
    for (let next = sender.next(); next; next = sender.next()) sent.push(...next);
    return receive(Buffer.concat(sent));
  }

  test('takes nothing that can be sent at once', () => {
    const sender = new ChunkSender();
    for (const frame of [ping, result, call(10), eventOf(V2_MAX_FRAME_BYTES - 12).frame]) expect(sender.offer(frame)).toBe(false);
    expect(sender.next()).toBeUndefined();
  });

  test('takes long frames, and sends them in chunks', () => {
    const sender = new ChunkSender();
    const events = [eventOf(V2_MAX_FRAME_BYTES - 11), eventOf(MB, 2), eventOf(MB)];
    for (const { frame } of events) expect(sender.offer(frame)).toBe(true);
    expect(short(drain(sender))).toEqual(short(events.map(({ message }) => message)));
    expect(sender.next()).toBeUndefined();
  });

  test('lets pass what may, and keeps what must not overtake', () => {
    const sender = new ChunkSender();
    const [long, short, other] = [eventOf(MB, 1), eventOf(1, 1), eventOf(1, 2)];
    sender.offer(long.frame);
    sender.next();
    for (const frame of [ping, result, call(1), other.frame]) expect(sender.offer(frame)).toBe(false);
    expect(sender.offer(short.frame)).toBe(true);
  });

  test('keeps the order of what waits', () => {
    const sender = new ChunkSender();
    const events = [eventOf(MB, 1), eventOf(1, 1), eventOf(MB, 2), eventOf(MB, 1), eventOf(2, 2), eventOf(3, 1)];
    for (const { frame } of events) expect(sender.offer(frame)).toBe(true);
    expect(short(drain(sender))).toEqual(short(events.map(({ message }) => message)));
    expect(sender.offer(events[1]!.frame)).toBe(false);
  });

  test('keeps what a follower asks behind a long call', () => {
    const sender = new ChunkSender();
    expect(sender.offer(call(MB))).toBe(true);
    expect(sender.offer(call(1))).toBe(true);
    expect(sender.offer(ping)).toBe(false);
  });
});

describe('is refused', () => {
  test.each<[string, Chunk[], string]>([
    ['a chunk of a frame that has not begun', [chunk(1, 10)], 'has not begun'],
    ['a last chunk of a frame that has not begun', [chunk(1, 10, undefined, true)], 'has not begun'],
    ['a frame that begins twice', [chunk(1, 10, 100), chunk(1, 10, 100)], 'begins twice'],
    ['a chunk after the last', [chunk(1, 10, 20), chunk(1, 10, undefined, true), chunk(1, 10)], 'has not begun'],
    ['more than the length says', [chunk(1, 10, 15), chunk(1, 10, undefined, true)], 'not as long as they claim'],
    ['a first chunk longer than the frame', [chunk(1, 10, 5, true)], 'not as long as they claim'],
    ['less than the length says', [chunk(1, 10, 25), chunk(1, 10, undefined, true)], 'not as long as they claim'],
    ['a complete frame that is not said to be', [chunk(1, 10, 20), chunk(1, 10)], 'not as long as they claim'],
    ['a chunk of nothing', [chunk(1, 10, 20), chunk(1, 0)], 'not as long as they claim'],
    ['a frame of no length', [chunk(1, 0, 0, true)], 'not as long as they claim'],
    [
      'one frame too many at once',
      Array.from({ length: MAX_CHUNKED + 1 }, (_, stream) => chunk(stream, 1, 10)),
      `more than ${MAX_CHUNKED}`,
    ],
  ])('%s', (_name, chunks, error) => {
    const assembler = new ChunkAssembler();
    const push = (): void => {
      for (const each of chunks) assembler.push(each);
    };
    expect(push).toThrow(ProtocolError);
    expect(() => {
      const again = new ChunkAssembler();
      for (const each of chunks) again.push(each);
    }).toThrow(error);
  });

  test('a length beyond the limit, before memory is taken', () => {
    const allocate = jest.spyOn(Buffer, 'allocUnsafeSlow');
    expect(() => new ChunkAssembler().push(chunk(1, 1, 2 ** 32 - 1))).toThrow('exceed the limit of 268435456');
    expect(() => new ChunkAssembler(1000).push(chunk(1, 1, 1001))).toThrow('exceed the limit of 1000');
    expect(allocate).not.toHaveBeenCalled();
  });

  test('lengths that are beyond the limit together', () => {
    const assembler = new ChunkAssembler(1000);
    assembler.push(chunk(1, 1, 600));
    expect(() => assembler.push(chunk(2, 1, 401))).toThrow('exceed the limit');
  });

  test('… but not when the first is complete', () => {
    const assembler = new ChunkAssembler(1000);
    assembler.push(chunk(1, 599, 600));
    expect(assembler.push(chunk(1, 1, undefined, true))).toHaveLength(600);
    expect(assembler.push(chunk(2, 1, 1000))).toBeUndefined();
  });

  test('a frame in chunks that is none', () => {
    const assembler = new ChunkAssembler();
    const noise = Buffer.alloc(300_000, 'x');
    expect(() => receive(Buffer.concat(chunkFrames(noise)), assembler)).toThrow(ProtocolError);
  });

  test('a frame of more than 256 KiB that comes in one piece', () => {
    expect(() => readV2Messages([eventOf(V2_MAX_FRAME_BYTES - 12 + 1).frame])).toThrow('exceeds the limit of 262144');
    expect(readV2Messages([eventOf(V2_MAX_FRAME_BYTES - 12).frame])).toHaveLength(1);
  });
});

test('any chunks: nothing but a ProtocolError comes out', () => {
  const anyChunk: fc.Arbitrary<Chunk> = fc.record(
    {
      type: fc.constant('chunk' as const),
      stream: fc.nat(3),
      totalBytes: fc.nat(60),
      isLast: fc.boolean(),
      part: fc.uint8Array({ maxLength: 30 }).map((array) => Buffer.from(array)),
    },
    { requiredKeys: ['type', 'stream', 'isLast', 'part'] },
  );
  fc.assert(
    fc.property(fc.array(anyChunk), (chunks) => {
      const assembler = new ChunkAssembler(100);
      try {
        for (const each of chunks) assembler.push(each);
      } catch (error) {
        expect(error).toBeInstanceOf(ProtocolError);
      }
    }),
    { numRuns: 1000 },
  );
});
