import { OUR_HELLO, readOutcome, writeAcceptance, writeRefusal } from '../../protocol/handshake';
import { serializeJsonTranscode, ValueCodec, type Transcode } from '../../protocol/value-codec';
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

test('we say that we speak version 1', () => {
  expect(OUR_HELLO).toEqual({ versions: [1] });
});

describe.each([
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
