import { FrameReader, MAX_FRAME_BYTES, type Framing } from '../../protocol/frame';
import type { Message } from '../../protocol/message';
import { ProtocolError } from '../../protocol/protocol-error';
import { v1Framing } from '../../protocol/v1';
import { piecesOf, readMessages, readVectors } from './vectors';

const { good, malformed } = readVectors();

/** A frame is '#', the length of the body as a byte, and the body. */
const tinyFraming: Framing = {
  headerBytes: 2,
  mayStartWith: (firstByte) => firstByte === 0x23,
  bodyBytes: (bytes, at) => bytes[at + 1]!,
};

function tiny(body: string): Buffer {
  return Buffer.concat([Buffer.from([0x23, body.length]), Buffer.from(body)]);
}

function bodiesOf(reader: FrameReader, chunk: Buffer): string[] {
  const bodies: string[] = [];
  reader.push(chunk, (frame) => void bodies.push(frame.subarray(2).toString()));
  return bodies;
}

afterEach(() => {
  jest.restoreAllMocks();
});

describe('a frame arrives in any pieces', () => {
  test.each(good)('"$name" whole, and byte by byte', ({ bytes, message }) => {
    expect(readMessages([bytes])).toEqual([message]);
    expect(readMessages(piecesOf(bytes, 1))).toEqual([message]);
  });

  test.each(good)('"$name" cut at every point', ({ bytes, message }) => {
    const readings: Message[][] = [];
    for (let cut = 1; cut < bytes.length; cut++) readings.push(readMessages([bytes.subarray(0, cut), bytes.subarray(cut)]));
    expect(readings).toEqual(readings.map(() => [message]));
  });

  const everything = Buffer.concat(good.map(({ bytes }) => bytes));
  const all = good.map(({ message }) => message);

  test.each([1, 2, 3, 5, 7, 23, 24, 25, 61, 128, 1000, 4096, everything.length])(
    'all frames one after the other, in chunks of %i bytes',
    (chunkBytes) => {
      expect(readMessages(piecesOf(everything, chunkBytes))).toEqual(all);
    },
  );

  test('each frame together with the first bytes of the next one', () => {
    for (let lead = 1; lead <= 30; lead++) {
      const shifted = [everything.subarray(0, lead)];
      let offset = lead;
      for (const { bytes } of good) {
        shifted.push(everything.subarray(offset, offset + bytes.length));
        offset += bytes.length;
      }
      expect(readMessages(shifted)).toEqual(all);
    }
  });

  test('empty chunks mean nothing', () => {
    const reader = new FrameReader(tinyFraming);
    const chunks = [
      Buffer.alloc(0),
      Buffer.from('#'),
      Buffer.alloc(0),
      Buffer.from([1]),
      Buffer.alloc(0),
      Buffer.from('a'),
      Buffer.alloc(0),
    ];
    expect(chunks.flatMap((chunk) => bodiesOf(reader, chunk))).toEqual(['a']);
  });

  test('a frame may be nothing but a header', () => {
    const reader = new FrameReader(tinyFraming);
    expect(bodiesOf(reader, Buffer.concat([tiny(''), tiny('a'), tiny('')]))).toEqual(['', 'a', '']);
    expect(piecesOf(Buffer.concat([tiny(''), tiny('')]), 1).flatMap((piece) => bodiesOf(reader, piece))).toEqual(['', '']);
  });

  test('a frame that lies whole in a chunk is not copied', () => {
    const chunk = Buffer.concat([tiny('a'), tiny('bc')]);
    const frames: Buffer[] = [];
    new FrameReader(tinyFraming).push(chunk, (frame) => void frames.push(frame));
    expect(frames.map((frame) => frame.buffer === chunk.buffer)).toEqual([true, true]);
  });

  test('a frame in pieces does not change when its chunks are used again', () => {
    const reader = new FrameReader(tinyFraming);
    const chunk = Buffer.from('#');
    bodiesOf(reader, chunk);
    chunk.fill(0);
    const second = Buffer.concat([Buffer.from([2]), Buffer.from('a')]);
    bodiesOf(reader, second);
    second.fill(0);
    expect(bodiesOf(reader, Buffer.from('b'))).toEqual(['ab']);
  });
});

describe('onFrame', () => {
  const three = Buffer.concat([tiny('a'), tiny('b'), tiny('c')]);

  test.each([
    ['frames lie whole in the chunk', [three]],
    ['the first frame is completed by the chunk', [three.subarray(0, 2), three.subarray(2)]],
    ['the first header is completed by the chunk', [three.subarray(0, 1), three.subarray(1)]],
  ])('stops the reading with false when %s', (_name, chunks) => {
    const reader = new FrameReader(tinyFraming);
    const onFrame = jest.fn(() => false);
    for (const chunk of chunks) reader.push(chunk, onFrame);
    expect(onFrame).toHaveBeenCalledTimes(1);
  });

  test('stops the reading with false also at a frame without a body', () => {
    const onFrame = jest.fn(() => false);
    const reader = new FrameReader(tinyFraming);
    reader.push(Buffer.from('#'), onFrame);
    reader.push(Buffer.concat([Buffer.from([0]), tiny('a')]), onFrame);
    expect(onFrame).toHaveBeenCalledTimes(1);
  });

  test('continues with true and with nothing', () => {
    const onFrame = jest.fn().mockReturnValueOnce(true).mockReturnValue(undefined);
    new FrameReader(tinyFraming).push(three, onFrame);
    expect(onFrame).toHaveBeenCalledTimes(3);
  });

  test('has had the good frames before a bad one is found', () => {
    const bodies: string[] = [];
    const chunk = Buffer.concat([tiny('a'), Buffer.from('!')]);
    const push = (): void => new FrameReader(tinyFraming).push(chunk, (frame) => void bodies.push(frame.subarray(2).toString()));
    expect(push).toThrow(ProtocolError);
    expect(bodies).toEqual(['a']);
  });

  test('may throw: the error is passed on', () => {
    const push = (): void =>
      new FrameReader(tinyFraming).push(three, () => {
        throw new RangeError('mine');
      });
    expect(push).toThrow(new RangeError('mine'));
  });
});

describe('limits', () => {
  test('a wrong first byte is found before the header is complete', () => {
    expect(() => new FrameReader(v1Framing).push(Buffer.from('G'), () => undefined)).toThrow('not a frame of this protocol');
  });

  test('a wrong first byte is found after a frame, too', () => {
    const reader = new FrameReader(tinyFraming);
    expect(bodiesOf(reader, tiny('a'))).toEqual(['a']);
    expect(() => bodiesOf(reader, Buffer.from('G'))).toThrow('not a frame of this protocol');
  });

  test.each([
    ['whole', (bytes: Buffer) => [bytes]],
    ['byte by byte', (bytes: Buffer) => piecesOf(bytes, 1)],
  ])('the length is checked before anything is allocated, header %s', (_name, cut) => {
    const tooLong = malformed.filter(({ error }) => error === 'exceeds the limit');
    expect(tooLong).not.toHaveLength(0);
    const allocations = [jest.spyOn(Buffer, 'allocUnsafe'), jest.spyOn(Buffer, 'alloc'), jest.spyOn(Buffer, 'allocUnsafeSlow')];
    for (const { bytes } of tooLong) expect(() => readMessages(cut(bytes))).toThrow('exceeds the limit');
    const sizes = allocations.flatMap(({ mock }) => mock.calls.map(([size]) => size));
    expect(sizes.filter((size) => size > 1024)).toEqual([]);
  });

  test('the limit counts the header, and a frame of exactly the limit passes', () => {
    expect(bodiesOf(new FrameReader(tinyFraming, 6), tiny('abcd'))).toEqual(['abcd']);
    expect(() => bodiesOf(new FrameReader(tinyFraming, 5), tiny('abcd'))).toThrow('frame of 6 bytes exceeds the limit of 5');
  });

  test('a frame that is too long is refused although it is there as a whole', () => {
    const long = good.find(({ bytes }) => bytes.length > 150)!;
    expect(() => readMessages([long.bytes], 150)).toThrow('exceeds the limit');
  });

  test('the limit may be raised by the frame before', () => {
    const reader = new FrameReader(tinyFraming, 3);
    const bodies: string[] = [];
    reader.push(Buffer.concat([tiny('a'), tiny('abcd')]), (frame) => {
      bodies.push(frame.subarray(2).toString());
      reader.maxFrameBytes = 6;
    });
    expect(bodies).toEqual(['a', 'abcd']);
  });

  test('the limit is 256 MiB unless told otherwise', () => {
    expect(MAX_FRAME_BYTES).toBe(268_435_456);
    expect(new FrameReader(v1Framing).maxFrameBytes).toBe(MAX_FRAME_BYTES);
  });
});

test('frames that are taken where they lie, and the others, come in the order of the stream', () => {
  const stream = Buffer.concat(['a', 'B', 'C', 'd', 'E'].map(tiny));
  for (let cut = 0; cut <= stream.length; cut++) {
    const reader = new FrameReader(tinyFraming);
    const seen: string[] = [];
    const handedOut: string[] = [];
    reader.takeInPlace = (chunk, start, end) => {
      const body = chunk.toString('latin1', start + tinyFraming.headerBytes, end);
      if (body !== body.toUpperCase()) return false;
      seen.push(body);
      return true;
    };
    for (const chunk of [stream.subarray(0, cut), stream.subarray(cut)]) {
      reader.push(chunk, (frame) => {
        const body = frame.toString('latin1', tinyFraming.headerBytes);
        seen.push(body);
        handedOut.push(body);
      });
    }
    expect(seen).toEqual(['a', 'B', 'C', 'd', 'E']);
    // A frame that was cut into pieces is handed out, whatever it is.
    expect(handedOut.filter((body) => body !== body.toLowerCase()).length).toBeLessThanOrEqual(1);
  }
});
