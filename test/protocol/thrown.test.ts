import { isDeepStrictEqual } from 'node:util';
import { fromErrorValue, type ErrorValue } from '../../protocol/error-value';
import { decodeStructured } from '../../protocol/structured-decoder';
import { encodeStructured } from '../../protocol/structured-encoder';
import { UnsupportedValueError } from '../../protocol/structured-format';
import { encodeThrown } from '../../protocol/thrown';
import { serializeJsonTranscode, structuredTranscode, ValueCodec, type Transcode } from '../../protocol/value-codec';

/** What the caller gets, where values are written in this way. */
function thrownThrough(transcode: Transcode, thrown: unknown): unknown {
  const values = new ValueCodec(transcode);
  const codec = {
    codec: values.name,
    areFaithful: values.leavesRoom,
    encode: (value: unknown) => values.encode(value),
    decode: (bytes: Buffer) => values.decode(bytes),
  };
  const refused: unknown[] = [];
  const bytes = encodeThrown(thrown, codec, (error) => refused.push(error));
  expect(refused).toEqual([]);
  return fromErrorValue(values.decode(bytes));
}

const json: Transcode = {
  encode: (value) => JSON.stringify(value),
  decode: (bytes) => JSON.parse(bytes.toString()) as unknown,
};
const clone: Transcode = { encode: (value) => encodeStructured(value), decode: decodeStructured };

const FIELDS = {
  map: new Map<unknown, unknown>([['a', new Set([1])]]),
  big: 10n,
  bytes: new Uint8Array([1, 2]),
  pattern: /a/gi,
  date: new Date(5),
  list: [1, undefined],
  deep: { a: { b: { c: { d: { e: { f: { g: 1 } } } } } } },
  numbers: [-0, NaN],
};
const failure = (): Error => Object.assign(new RangeError('x', { cause: new Map([[1, 2n]]) }), { code: 'E_X', ...FIELDS });

it('a thrown error keeps what a returned one keeps', () => {
  const thrown = failure();
  const returned = decodeStructured(encodeStructured(thrown));
  const got = thrownThrough(structuredTranscode, thrown);
  expect(isDeepStrictEqual(got, returned)).toBe(true);
  expect(isDeepStrictEqual(Object.fromEntries(Object.entries(got as Error)), { code: 'E_X', ...FIELDS })).toBe(true);
  expect(got).toMatchObject({ name: 'RangeError', message: 'x', stack: thrown.stack, cause: new Map([[1, 2n]]) });
});

it.each(Object.entries(FIELDS))('a thrown value that is no error arrives as it is: %s', (_, value) => {
  expect(isDeepStrictEqual(thrownThrough(structuredTranscode, value), value)).toBe(true);
});

it.each([
  ['structured', structuredTranscode],
  ['a transcode of the user that keeps the kinds', clone],
])('an error with a part that cannot be encoded keeps the others: %s', (_, transcode) => {
  const got = thrownThrough(transcode, Object.assign(failure(), { retry: () => 1, socket: { write: () => 1 } })) as object;
  const { retry, socket, ...others } = got as Record<string, unknown>;
  expect([retry, socket]).toEqual(['[Function: retry]', { write: '[Function: write]' }]);
  expect(isDeepStrictEqual({ ...others }, { code: 'E_X', ...FIELDS })).toBe(true);
});

it.each([
  ['serialize-json', serializeJsonTranscode],
  ['JSON', json],
])('what carries JSON only gets a form that JSON carries: %s', (_, transcode) => {
  const got = thrownThrough(transcode, Object.assign(new Error('x'), { big: 10n, pattern: /a/g, deep: FIELDS.deep }));
  expect(got).toMatchObject({ message: 'x', big: '10', pattern: '/a/g', deep: { a: { b: { c: { d: '[Object]' } } } } });
});

it('an error with very much in it is told in part', () => {
  const got = thrownThrough(structuredTranscode, Object.assign(new Error('x'), { body: Buffer.alloc(2 * 1024 * 1024), code: 1 }));
  expect(got).toMatchObject({ message: 'x', code: 1, body: '[Buffer of 2097152 bytes]' });
});

class Coded extends Error {
  get code(): string {
    return 'E_GETTER';
  }
}

const suppressed = (): Error => {
  const Class = (globalThis as { SuppressedError?: new (error: unknown, suppressed: unknown, message: string) => Error })
    .SuppressedError;
  if (Class) return new Class(new Error('second'), 1n, 'x');
  // A SuppressedError as TypeScript makes such errors before Node.js 24.
  return Object.assign(new Error('x'), { name: 'SuppressedError', error: new Error('second'), suppressed: 1n });
};

describe.each([
  ['whole', {}],
  ['in part', { fn: () => 1 }],
])('%s', (_, more) => {
  const sent = (error: Error): unknown => thrownThrough(structuredTranscode, Object.assign(error, more));

  it('a SuppressedError keeps error and suppressed', () => {
    expect(sent(suppressed())).toMatchObject({
      name: 'SuppressedError',
      message: 'x',
      error: { message: 'second' },
      suppressed: 1n,
    });
  });

  it('a DOMException keeps its name and code', () => {
    const got = sent(new DOMException('gone', 'AbortError'));
    expect(got).toMatchObject({ name: 'AbortError', message: 'gone', code: 20 });
  });

  it('a code that a getter of the class gives is kept', () => {
    expect(sent(new Coded('x'))).toMatchObject({ message: 'x', code: 'E_GETTER' });
  });
});

it('a DOMException is one again, also among values and in a cycle', () => {
  const exception = new DOMException('gone', 'AbortError');
  const value = decodeStructured(encodeStructured({ exception, again: [exception] })) as {
    exception: DOMException;
    again: unknown[];
  };
  expect(value.exception).toBeInstanceOf(DOMException);
  expect(value.again[0]).toBe(value.exception);
});

it('a SuppressedError of another engine is an Error of that name', () => {
  const bytes = Buffer.from([0, 10, 1, 0xf4, 8, 2 | 32 | 64, 0x81, 1, 2, 0xe9, 0, 0xff, 0x78].filter((_, i) => i !== 11));
  bytes[1] = bytes.length - 4;
  expect(decodeStructured(bytes)).toMatchObject({ name: 'SuppressedError', message: 'x', error: 1, suppressed: 2 });
});

it('a Float16Array is a typed array, or refused by an engine that has none', () => {
  const bytes = Buffer.from([0, 3, 0, 0xf3, 14, 2, 0x00, 0x3c]);
  if ('Float16Array' in globalThis) {
    const value = decodeStructured(bytes);
    expect(Object.prototype.toString.call(value)).toBe('[object Float16Array]');
    expect([...(value as Iterable<number>)]).toEqual([1]);
    expect(encodeStructured(value)).toEqual(bytes);
  } else expect(() => decodeStructured(bytes)).toThrow(UnsupportedValueError);
});

it('a pattern that only a newer engine knows is refused with its source and flags', () => {
  const pattern = Object.defineProperty(/a/, 'source', { value: '(' });
  expect(() => decodeStructured(encodeStructured({ pattern }))).toThrow(
    expect.objectContaining({
      source: '(',
      flags: '',
      message: expect.stringContaining('does not know the pattern /(/') as string,
    }),
  );
});

it('an object with a toJSON of its own, with or without a prototype, is what that gives', () => {
  const toJSON = (): unknown => ({ j: 1 });
  for (const value of [{ a: 1, toJSON }, Object.assign(Object.create(null), { a: 1, toJSON })]) {
    expect(decodeStructured(encodeStructured([value]))).toEqual([{ j: 1 }]);
  }
});

it('properties beside the elements of an array with holes do not disturb it', () => {
  const array = Object.assign([, 1, 2], { '1.5': 'x', '-1': 'y' }); // eslint-disable-line no-sparse-arrays -- prettier-ignore
  expect(decodeStructured(encodeStructured(array))).toEqual([, 1, 2]); // eslint-disable-line no-sparse-arrays -- prettier-ignore
});

it('an error-value that stands in itself, or in endlessly many places, costs no more than its bytes', () => {
  const cyclic = { message: 'x', name: 'Error' } as ErrorValue;
  cyclic.cause = { error: cyclic };
  const error = fromErrorValue(cyclic) as Error;
  expect(error.cause).toBe(error);
  let tree: ErrorValue = { message: 'leaf', name: 'Error' };
  for (let i = 0; i < 64; i++) tree = { message: 'x', name: 'Error', errors: [{ error: tree }, { error: tree }] };
  const { errors } = fromErrorValue(tree) as AggregateError;
  expect(errors[0]).toBe(errors[1]);
});
