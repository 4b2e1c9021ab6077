import fc from 'fast-check';
import { MAX_ID, type Message } from '../../protocol/message';
import { ProtocolError } from '../../protocol/protocol-error';
import { v1Codec } from '../../protocol/v1';
import { readMessages, readVectors } from './vectors';

const { good } = readVectors();

/** Enough for every generated frame; keeps absurd lengths from being allocated again and again. */
const LIMIT_BYTES = 64 * 1024;

const bytes = (options?: fc.IntArrayConstraints): fc.Arbitrary<Buffer> =>
  fc.uint8Array(options).map((array) => Buffer.from(array));
/** Any UTF-16, halves of pairs included. */
const text = fc.oneof(
  fc.string(),
  fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) }),
);
/** What JSON gives back. */
const json = fc.jsonValue().map((value) => JSON.parse(JSON.stringify(value)) as unknown);

const id = fc.oneof(fc.integer({ min: 1, max: MAX_ID }), fc.maxSafeInteger());
const timeoutMs = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const secret = bytes({ minLength: 16, maxLength: 64 });
const hello = fc.record(
  {
    versions: fc.array(fc.nat(255)),
    nonce: secret,
    proof: secret,
  },
  { requiredKeys: ['versions'] },
);
const type = <T extends Message['type']>(name: T): fc.Arbitrary<T> => fc.constant(name);
const either = { requiredKeys: ['type', 'id', 'timeoutMs'] } as const;

const message: fc.Arbitrary<Message> = fc.oneof(
  fc.record(
    { type: type('register'), id, timeoutMs, channel: text, hello },
    { requiredKeys: [...either.requiredKeys, 'channel'] },
  ),
  fc.record(
    { type: type('register-result'), id, timeoutMs, payload: bytes(), hello },
    { requiredKeys: [...either.requiredKeys, 'payload'] },
  ),
  fc.record(
    // A missing payload and an empty payload are the same bytes.
    { type: type('subscribe'), id, timeoutMs, key: text, registration: json, payload: bytes({ minLength: 1 }) },
    { requiredKeys: [...either.requiredKeys, 'key', 'registration'] },
  ),
  fc.record({ type: type('unsubscribe'), id, timeoutMs, key: text, registration: json }),
  fc.record({ type: type('event'), id, timeoutMs, key: text, payload: bytes() }),
  fc.record({ type: type('event-ack'), id, timeoutMs }),
  fc.record(
    {
      type: type('call'),
      id,
      timeoutMs,
      method: text,
      args: fc.array(bytes()),
      oneway: fc.boolean(),
      style: fc.constantFrom('promise' as const, 'callback' as const),
      replay: fc.constant(true),
    },
    { requiredKeys: [...either.requiredKeys, 'method', 'args', 'oneway'] },
  ),
  fc.record({ type: type('call-result'), id, timeoutMs, values: fc.array(bytes()) }),
  fc.record({ type: type('call-failure'), id, timeoutMs, payload: bytes() }),
  fc.record({ type: type('ping'), id, timeoutMs }),
  fc.record({ type: type('pong'), id, timeoutMs }),
);

/** A right header before anything. */
const framed = fc
  .tuple(
    fc.constantFrom(0, 1),
    fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
    bytes({ maxLength: 200 }),
    bytes({ maxLength: 200 }),
  )
  .map(([kind, anyId, connection, application]) => frame(kind, anyId, connection, application));

/** A right frame whose JSON has the names that we know and values that nobody expects. */
const fieldNames = [
  'type',
  'channelName',
  'hello',
  'key',
  'reg',
  'method',
  'argLength',
  'oneway',
  'style',
  'replay',
  'success',
  'resultLength',
];
const typeNames = [
  'register_channel',
  'register_channel_res',
  'subscribe',
  'unSubscribe',
  'subscribe_result',
  'subscribe_result_res',
  'invoke',
  'invoke_result',
  'heartbeat',
  'heartbeat_res',
];
const odd = fc
  .tuple(
    fc.dictionary(
      fc.constantFrom(...fieldNames),
      fc.oneof(fc.jsonValue(), fc.integer({ min: -2, max: 4 }), fc.boolean(), fc.string()),
    ),
    fc.oneof({ weight: 5, arbitrary: fc.constantFrom<unknown>(...typeNames) }, { weight: 1, arbitrary: fc.jsonValue() }),
    bytes({ maxLength: 64 }),
  )
  .map(([fields, typeName, application]) =>
    frame(0, 1n, Buffer.from(JSON.stringify({ key: 'k', method: 'm', success: true, ...fields, type: typeName })), application),
  );

/** A golden frame with some bytes changed, dropped or doubled. */
const damaged = fc
  .tuple(
    fc.constantFrom(...good),
    fc.array(fc.record({ at: fc.nat(), what: fc.constantFrom('set', 'drop', 'insert'), byte: fc.nat(255) }), {
      minLength: 1,
      maxLength: 4,
    }),
  )
  .map(([{ bytes: golden }, changes]) => {
    const array = [...golden];
    for (const { at, what, byte } of changes) {
      array.splice(at % array.length, what === 'insert' ? 0 : 1, ...(what === 'drop' ? [] : [byte]));
    }
    return Buffer.from(array);
  });

function frame(kind: number, anyId: bigint, connection: Buffer, application: Buffer): Buffer {
  const header = Buffer.alloc(24);
  header[0] = 1;
  header[1] = kind;
  header.writeBigInt64BE(anyId, 4);
  header.writeInt32BE(connection.length, 16);
  header.writeInt32BE(application.length, 20);
  return Buffer.concat([header, connection, application]);
}

/** The messages, or a word that stands for a refusal. Any other error is a fault of the codec. */
function outcomeOf(read: () => Message | Message[]): unknown {
  try {
    return read();
  } catch (error) {
    if (error instanceof ProtocolError) return `refused: ${error.message}`;
    throw error;
  }
}

describe('whatever is received', () => {
  test.each<[string, fc.Arbitrary<Buffer>]>([
    ['any bytes', bytes({ maxLength: 300 })],
    [
      'any bytes after a right first byte',
      bytes({ maxLength: 300 }).map((rest) => Buffer.concat([Buffer.from([1, 0, 0, 0]), rest])),
    ],
    ['any content in a right header', framed],
    ['known fields with odd values', odd],
    ['damaged golden frames', damaged],
    [
      'damaged golden frames one after the other',
      fc.array(damaged, { minLength: 2, maxLength: 4 }).map((frames) => Buffer.concat(frames)),
    ],
  ])('%s: nothing but a ProtocolError comes out', (_name, arbitrary) => {
    fc.assert(
      fc.property(arbitrary, (received) => {
        outcomeOf(() => readMessages([received], LIMIT_BYTES));
        outcomeOf(() => v1Codec.decode(received));
      }),
      { numRuns: 1000 },
    );
  });

  test('what was read can be written, and is then read the same', () => {
    fc.assert(
      fc.property(fc.oneof(odd, damaged), (received) => {
        const first = outcomeOf(() => v1Codec.decode(received));
        if (typeof first === 'string' || (first as Message).type === 'unknown') return;
        expect(v1Codec.decode(v1Codec.encode(first as Message))).toEqual(first);
      }),
      { numRuns: 500 },
    );
  });
});

describe('whatever is sent', () => {
  test('is read as it was', () => {
    fc.assert(
      fc.property(message, (sent) => {
        expect(v1Codec.decode(v1Codec.encode(sent))).toEqual(sent);
      }),
      { numRuns: 500 },
    );
  });

  test('is written the same when it is written again', () => {
    fc.assert(
      fc.property(message, (sent) => {
        const written = v1Codec.encode(sent);
        expect(v1Codec.encode(v1Codec.decode(written)).equals(written)).toBe(true);
      }),
      { numRuns: 500 },
    );
  });
});

describe('however it is cut', () => {
  /** A stream, and lengths of chunks that are used over and over. */
  const chunkLengths = fc.array(fc.integer({ min: 1, max: 80 }), { minLength: 1, maxLength: 10 });

  function chunksOf(stream: Buffer, lengths: readonly number[]): Buffer[] {
    const chunks: Buffer[] = [];
    for (let offset = 0, i = 0; offset < stream.length; i++) {
      const length = lengths[i % lengths.length]!;
      chunks.push(stream.subarray(offset, offset + length));
      offset += length;
    }
    return chunks;
  }

  test('a stream of messages is read as when it comes whole', () => {
    fc.assert(
      fc.property(fc.array(message, { minLength: 1, maxLength: 5 }), chunkLengths, (sent, lengths) => {
        const stream = Buffer.concat(sent.map((each) => v1Codec.encode(each)));
        expect(readMessages(chunksOf(stream, lengths))).toEqual(sent);
      }),
      { numRuns: 200 },
    );
  });

  test('a damaged stream is read and refused as when it comes whole', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(damaged, odd), { minLength: 1, maxLength: 4 }), chunkLengths, (frames, lengths) => {
        const stream = Buffer.concat(frames);
        const cut = outcomeOf(() => readMessages(chunksOf(stream, lengths), LIMIT_BYTES));
        expect(cut).toEqual(outcomeOf(() => readMessages([stream], LIMIT_BYTES)));
      }),
      { numRuns: 500 },
    );
  });
});
