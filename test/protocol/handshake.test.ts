import { agree, helloOf, readOutcome, writeAcceptance, writeRefusal } from '../../protocol/handshake';
import type { Hello } from '../../protocol/message';
import { serializeJsonTranscode, structuredTranscode, ValueCodec, type Transcode } from '../../protocol/value-codec';
import { readVectors } from './vectors';

const jsonTranscode: Transcode = {
  encode: (value) => JSON.stringify(value),
  decode: (bytes) => JSON.parse(bytes.toString()) as unknown,
};

function payloadOf(vectorName: string): Buffer {
  const message = readVectors().good.find(({ name }) => name === vectorName)!.message;
  if (message.type !== 'register-result') throw new Error(`${vectorName} is no answer to a registration`);
  return message.payload;
}

test('we say that we speak both versions, and how we write values', () => {
  expect(helloOf(['structured', 'serialize-json'])).toEqual({ versions: [1, 2], codecs: ['structured', 'serialize-json'] });
  expect(helloOf(['custom'], { identity: 'x' })).toEqual({ versions: [1, 2], codecs: ['custom'], identity: 'x' });
});

describe('two hellos agree on', () => {
  const both = helloOf(['structured', 'serialize-json']);
  test.each<[string, Hello | undefined, Hello | undefined, ReturnType<typeof agree>]>([
    ['version 1 with an old follower', undefined, both, { version: 1, codec: undefined }],
    ['version 1 with an old leader', both, undefined, { version: 1, codec: undefined }],
    ['version 1 with a side of ours that knows no other', both, { versions: [1] }, { version: 1, codec: undefined }],
    ['version 2 and the best way to write values', both, both, { version: 2, codec: 'structured' }],
    ['what the leader likes best', both, helloOf(['serialize-json', 'structured']), { version: 2, codec: 'serialize-json' }],
    ['what both know', helloOf(['serialize-json']), both, { version: 2, codec: 'serialize-json' }],
    ["the user's transcode", helloOf(['custom']), helloOf(['custom']), { version: 2, codec: 'custom' }],
    ["no codec, when only one side has a user's transcode", helloOf(['custom']), both, { version: 2, codec: undefined }],
    [
      'nothing that we do not know ourselves',
      { versions: [3, 2], codecs: ['cbor', 'structured'] },
      { versions: [2, 3], codecs: ['cbor', 'structured'] },
      { version: 2, codec: 'structured' },
    ],
  ])('%s', (_name, question, answer, agreement) => {
    expect(agree(question, answer)).toEqual(agreement);
  });
});

describe.each([
  ['structured', structuredTranscode],
  ['serialize-json', serializeJsonTranscode],
  ['JSON', jsonTranscode],
])('with %s', (_name, transcode) => {
  const values = new ValueCodec(transcode);

  test('an acceptance is read as one', () => {
    expect(readOutcome(writeAcceptance(values), values)).toEqual({ accepted: true });
  });

  test('a refusal brings the error with name, code, stack, cause and own fields', () => {
    const cause = new TypeError('inner');
    const error = Object.assign(new RangeError('outer', { cause }), { code: 'E_OUTER', retryable: true });
    const outcome = readOutcome(writeRefusal(error, values), values) as { accepted: false; error: typeof error };
    expect(outcome.accepted).toBe(false);
    expect(outcome.error).toMatchObject({
      message: 'outer',
      name: 'RangeError',
      code: 'E_OUTER',
      stack: error.stack,
      retryable: true,
      cause: { message: 'inner', name: 'TypeError' },
    });
  });

  test.each<[string, unknown]>([
    ['null', null],
    ['a string', 'no'],
    ['an object without success', {}],
    ['success that is not true', { success: 1 }],
  ])('%s is no answer', (_case, sent) => {
    expect(() => readOutcome(values.encode(sent), values)).toThrow(TypeError);
  });

  test('no bytes at all are no answer', () => {
    expect(() => readOutcome(Buffer.alloc(0), values)).toThrow(TypeError);
  });

  test('a failure without an error is a refusal without a reason', () => {
    expect(readOutcome(values.encode({ success: false }), values)).toEqual({
      accepted: false,
      error: new Error('registration refused without a reason'),
    });
  });
});

describe('beside cluster-client', () => {
  const values = new ValueCodec(serializeJsonTranscode);

  test('its acceptance is read, and ours has the same bytes', () => {
    const payload = payloadOf('register_channel_res, accepted');
    expect(readOutcome(payload, values)).toEqual({ accepted: true });
    expect(writeAcceptance(values)).toEqual(payload);
  });

  test('its refusal is read', () => {
    expect(readOutcome(payloadOf('register_channel_res, refused'), values)).toMatchObject({
      accepted: false,
      error: { message: 'upstream is not reachable', name: 'Error', code: 'ECONNREFUSED' },
    });
  });

  test('our refusal has what its follower reads', () => {
    const error = Object.assign(new Error('no'), { code: 7 });
    const sent = values.decode(writeRefusal(error, values));
    expect(sent).toMatchObject({ success: false, error: { message: 'no', name: 'Error', code: 7, stack: error.stack } });
  });
});

test('an answer in another transcode throws', () => {
  const payload = writeAcceptance(new ValueCodec(jsonTranscode));
  expect(() => readOutcome(payload, new ValueCodec(serializeJsonTranscode))).toThrow();
});
