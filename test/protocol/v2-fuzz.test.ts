import fc from 'fast-check';
import type { UnknownCode } from '../../protocol/codes';
import { CHUNK_BYTES } from '../../protocol/chunks';
import type { V2Message } from '../../protocol/message';
import { ProtocolError } from '../../protocol/protocol-error';
import { v2Codec } from '../../protocol/v2';
import { piecesOf, readV2Messages, readV2Vectors } from './vectors';

const { good } = readV2Vectors();

const bytes = (options?: fc.IntArrayConstraints): fc.Arbitrary<Buffer> =>
  fc.uint8Array(options).map((array) => Buffer.from(array));
/** Any UTF-16, halves of pairs included. */
const text = fc.oneof(
  fc.string(),
  fc.string({ unit: fc.integer({ min: 0, max: 0xffff }).map((unit) => String.fromCharCode(unit)) }),
);
const id = fc.nat(2 ** 32 - 1);
const timeoutMs = fc.constant(0);
const term = fc.nat(2 ** 32 - 1);
const port = fc.integer({ min: 1, max: 65_535 });
const channel = fc.record({ name: text, identity: text, isStrict: fc.boolean() });
/** A code of this or a later version. */
const code = text as fc.Arbitrary<UnknownCode>;
/** A single empty name is written like no name. */
const codecs = fc
  .array(text.map((name) => name.replaceAll(',', '')))
  .filter((names) => names.join() !== '' || names.length === 0);
/** At least one text, each without a line break. */
const lines = fc.array(
  text.map((key) => key.replaceAll('\n', '')),
  { minLength: 1 },
);
const type = <T extends V2Message['type']>(name: T): fc.Arbitrary<T> => fc.constant(name);

const message: fc.Arbitrary<V2Message> = fc.oneof(
  fc.record({ type: type('topic-subscribe'), id, key: text, payload: bytes() }),
  fc.record({
    type: type('plain-subscribe'),
    id,
    keys: lines,
  }),
  fc.record({ type: type('topic-unsubscribe'), id }),
  fc.record({ type: type('topics'), id, topics: fc.array(id) }),
  fc.record({ type: type('topic-event'), topic: id, payload: bytes() }),
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
    { requiredKeys: ['type', 'id', 'timeoutMs', 'method', 'args', 'oneway'] },
  ),
  fc.record({
    type: type('key-failure'),
    verb: fc.constantFrom('subscribe' as const, 'publish' as const),
    key: text,
    payload: bytes(),
  }),
  fc.record({
    type: type('call-signals'),
    id,
    places: fc.array(
      fc.record({ signal: fc.nat(15), argument: fc.nat(0xffff), property: text }, { requiredKeys: ['signal', 'argument'] }),
      { maxLength: 16 },
    ),
  }),
  fc.record({ type: type('abort'), id, signal: fc.nat(15), payload: bytes() }),
  fc.record({ type: type('stream-open'), id, creditBytes: id, method: text, args: fc.array(bytes()) }),
  fc.record({ type: type('stream-credit'), id, bytes: id }),
  fc.record({ type: type('stream-stop'), id, how: fc.constantFrom('return' as const, 'throw' as const), payload: bytes() }),
  ...(['stream-item', 'stream-done', 'stream-failure'] as const).map((name) =>
    fc.record({ type: type(name), id, answersStop: fc.boolean(), payload: bytes() }),
  ),
  fc.record({
    type: type('call-context'),
    id,
    fields: fc.array(fc.record({ name: text.filter((name) => name !== ''), value: text }), { maxLength: 16 }),
  }),
  fc.record({ type: type('call-result'), id, timeoutMs, values: fc.array(bytes()) }),
  fc.record({ type: type('call-failure'), id, timeoutMs, payload: bytes() }),
  fc.record({ type: type('ping'), id, timeoutMs }),
  fc.record({ type: type('pong'), id, timeoutMs }),
  fc.record(
    { type: type('goaway'), code, sentence: text, retryAfterMs: fc.nat(2 ** 32 - 2) },
    { requiredKeys: ['type', 'code', 'sentence'] },
  ),
  fc.record({ type: type('refusal'), id, code, sentence: text, payload: bytes() }),
  fc.record({ type: type('prove'), proof: bytes({ minLength: 16, maxLength: 64 }) }),
  fc.record(
    {
      type: type('join'),
      id,
      channel,
      candidacy: fc.constantFrom('follows' as const, 'competes' as const, 'leads' as const, 'succeeds' as const),
      term,
      codecs,
      keys: lines,
    },
    { requiredKeys: ['type', 'id', 'channel', 'candidacy', 'term', 'codecs'] },
  ),
  fc.record(
    { type: type('joined'), id, term, codec: text, identity: text, parts: bytes(), streams: fc.constant(true) },
    { requiredKeys: ['type', 'id', 'term', 'codec', 'identity', 'parts'] },
  ),
  fc.record({ type: type('redirect'), id, term, port }),
  fc.record({ type: type('appoint'), id, term, isSucceeding: fc.boolean() }),
  fc.record({ type: type('announce'), channel, term, port }),
  fc.record({ type: type('resign') }),
  fc.record({ type: type('wait'), id, code, sentence: text }),
  fc.record(
    { type: type('chunk'), stream: id, totalBytes: id, isLast: fc.boolean(), part: bytes() },
    { requiredKeys: ['type', 'stream', 'isLast', 'part'] },
  ),
);

function frame(typeNumber: number, flags: number, idNumber: number, body: Buffer): Buffer {
  const header = Buffer.alloc(12);
  header[0] = 2;
  header[1] = typeNumber;
  header.writeUInt16BE(flags, 2);
  header.writeUInt32BE(idNumber, 4);
  header.writeUInt32BE(body.length, 8);
  return Buffer.concat([header, body]);
}

/** A right header before anything. */
const framed = fc
  .tuple(fc.nat(31), fc.nat(0xffff), id, bytes({ maxLength: 60 }))
  .map(([typeNumber, flags, idNumber, body]) => frame(typeNumber, flags, idNumber, body));

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

/** The messages, or a word that stands for a refusal. Any other error is a fault of the codec. */
function outcomeOf(read: () => V2Message | V2Message[]): unknown {
  try {
    return read();
  } catch (error) {
    if (error instanceof ProtocolError) return `refused: ${error.message}`;
    throw error;
  }
}

/** Cuts a stream into chunks of these lengths, over and over. */
function cut(stream: Buffer, lengths: readonly number[]): Buffer[] {
  const chunks: Buffer[] = [];
  for (let offset = 0, i = 0; offset < stream.length; i++) {
    const length = lengths[i % lengths.length]!;
    chunks.push(stream.subarray(offset, offset + length));
    offset += length;
  }
  return chunks;
}

const chunkLengths = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 10 });

describe('whatever is received', () => {
  test.each<[string, fc.Arbitrary<Buffer>]>([
    ['any bytes', bytes({ maxLength: 200 })],
    ['any bytes after a right first byte', bytes({ maxLength: 200 }).map((rest) => Buffer.concat([Buffer.from([2]), rest]))],
    ['any body after a right header', framed],
    ['damaged golden frames', damaged],
    [
      'several of them',
      fc.array(fc.oneof(damaged, framed), { minLength: 2, maxLength: 4 }).map((frames) => Buffer.concat(frames)),
    ],
  ])('%s: nothing but a ProtocolError comes out, and no more memory is taken than a frame may have', (_name, arbitrary) => {
    const allocate = jest.spyOn(Buffer, 'allocUnsafe');
    fc.assert(
      fc.property(arbitrary, (received) => {
        outcomeOf(() => readV2Messages([received], 1024));
        outcomeOf(() => readV2Messages(piecesOf(received, 1), 1024));
        outcomeOf(() => v2Codec.decode(received));
      }),
      { numRuns: 1000 },
    );
    expect(Math.max(0, ...allocate.mock.calls.map(([size]) => size))).toBeLessThanOrEqual(1024);
    allocate.mockRestore();
  });

  test('what was read can be written, and is then read the same', () => {
    fc.assert(
      fc.property(fc.oneof(framed, damaged), (received) => {
        const first = outcomeOf(() => v2Codec.decode(received));
        if (typeof first === 'string' || (first as V2Message).type === 'unknown') return;
        expect(v2Codec.decode(v2Codec.encode(first as V2Message))).toEqual(first);
      }),
      { numRuns: 1000 },
    );
  });

  test('a damaged stream is read and refused however it is cut', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(damaged, framed), { minLength: 1, maxLength: 4 }), chunkLengths, (frames, lengths) => {
        const stream = Buffer.concat(frames);
        const whole = outcomeOf(() => readV2Messages([stream], 1024));
        expect(outcomeOf(() => readV2Messages(cut(stream, lengths), 1024))).toEqual(whole);
      }),
      { numRuns: 500 },
    );
  });
});

describe('whatever is sent', () => {
  test('is read as it was, however it is cut', () => {
    fc.assert(
      fc.property(fc.array(message, { minLength: 1, maxLength: 5 }), chunkLengths, (sent, lengths) => {
        const stream = Buffer.concat(sent.map((each) => v2Codec.encode(each)));
        expect(readV2Messages(cut(stream, lengths))).toEqual(sent);
      }),
      { numRuns: 500 },
    );
  });

  test('keeps the number of arguments, however large they are', () => {
    const args = [Buffer.alloc(0), Buffer.alloc(CHUNK_BYTES, 1), Buffer.alloc(0), Buffer.alloc(0)];
    const call: V2Message = { type: 'call', id: 1, timeoutMs: 0, method: 'm', args, oneway: false };
    expect(v2Codec.decode(v2Codec.encode(call))).toEqual(call);
  });
});
