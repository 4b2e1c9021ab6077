import fc from 'fast-check';
import { agreedDialect, V2 } from '../../protocol/dialects';
import { chooseCodec, helloOf, isProof, proofOf, readOutcome, writeAcceptance, writeRefusal } from '../../protocol/handshake';
import type { Hello } from '../../protocol/message';
import {
  serializeJsonTranscode,
  structuredTranscode,
  ValueCodec,
  type CodecName,
  type Transcode,
} from '../../protocol/value-codec';
import { readV2Vectors, readVectors, type ProofVector } from './vectors';

const jsonTranscode: Transcode = {
  encode: (value) => JSON.stringify(value),
  decode: (bytes) => JSON.parse(bytes.toString()) as unknown,
};

function payloadOf(vectorName: string): Buffer {
  const message = readVectors().good.find(({ name }) => name === vectorName)!.message;
  if (message.type !== 'register-result') throw new Error(`${vectorName} is no answer to a registration`);
  return message.payload;
}

test('we say that we speak both versions', () => {
  expect(helloOf()).toEqual({ versions: [1, 2] });
  const nonce = Buffer.alloc(32);
  expect(helloOf({ nonce })).toEqual({ versions: [1, 2], nonce });
});

test.each<[string, Hello | undefined, boolean]>([
  ['no hello', undefined, false],
  ['a hello of version 1', { versions: [1] }, false],
  ['a hello of a version that we do not know', { versions: [3] }, false],
  ['a hello of ours', helloOf(), true],
  ['a hello of a newer peer', { versions: [3, 2] }, true],
])('%s: whether it goes on in version 2', (_name, hello, expected) => {
  expect(agreedDialect(hello) === V2).toBe(expected);
});

describe('of the ways to write values', () => {
  test.each<[string, string[], string[], CodecName | undefined]>([
    ['the best is taken', ['structured', 'serialize-json'], ['structured', 'serialize-json'], 'structured'],
    ["it is the leader's best", ['serialize-json', 'structured'], ['structured', 'serialize-json'], 'serialize-json'],
    ['one that both know is taken', ['structured', 'serialize-json'], ['serialize-json'], 'serialize-json'],
    ["the user's transcode is taken when both have one", ['custom'], ['custom'], 'custom'],
    ["none is taken when only one side has a user's transcode", ['structured', 'serialize-json'], ['custom'], undefined],
    ['none is taken when the follower names none', ['structured'], [], undefined],
    ['none that we do not know is taken', ['cbor', 'structured'], ['cbor', 'structured'], 'structured'],
    ['none is taken for a part of its name', ['structured'], ['struct', 'structured '], undefined],
  ])('%s', (_name, own, theirs, expected) => {
    expect(chooseCodec(own, theirs)).toBe(expected);
  });
});

describe('proofs', () => {
  const { proofs } = readV2Vectors();

  test.each(proofs)('the golden proof $name', ({ secret, role, port, dialerNonce, listenerNonce, proof }) => {
    expect(proofOf(secret, role, port, dialerNonce, listenerNonce).toString('hex')).toBe(proof.toString('hex'));
  });

  test('no two golden proofs are the same', () => {
    expect(new Set(proofs.map(({ proof }) => proof.toString('hex'))).size).toBe(proofs.length);
  });

  test('whatever differs, the proof differs: other role, port, bound between the nonces', () => {
    const secret = Buffer.from('secret');
    const side = fc.record({
      role: fc.constantFrom('listener' as const, 'dialer' as const),
      port: fc.integer({ min: 1, max: 65_535 }),
      nonces: fc.uint8Array({ maxLength: 8 }),
      bound: fc.nat(8),
    });
    const partsOf = ({ role, port, nonces, bound }: typeof side extends fc.Arbitrary<infer T> ? T : never) =>
      [role, port, Buffer.from(nonces.subarray(0, bound)), Buffer.from(nonces.subarray(bound))] as const;
    fc.assert(
      fc.property(side, side, fc.boolean(), (one, another, isSameNonces) => {
        const [a, b] = [partsOf(one), partsOf(isSameNonces ? { ...one, bound: another.bound } : another)];
        const isSame = JSON.stringify(a) === JSON.stringify(b);
        expect(proofOf(secret, ...a).equals(proofOf(secret, ...b))).toBe(isSame);
      }),
    );
  });

  test('only the whole proof is right', () => {
    const [{ proof }] = proofs as [ProofVector];
    expect(isProof(proof, Buffer.from(proof))).toBe(true);
    for (let at = 0; at < proof.length; at++) {
      const changed = Buffer.from(proof);
      changed[at]! ^= 1;
      expect(isProof(proof, changed)).toBe(false);
    }
    const wrong = [undefined, Buffer.alloc(0), proof.subarray(0, -1), Buffer.concat([proof, Buffer.alloc(1)])];
    expect(wrong.map((given) => isProof(proof, given))).toEqual([false, false, false, false]);
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
