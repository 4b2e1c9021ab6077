import { inspect } from 'node:util';
import vm from 'node:vm';
import fc from 'fast-check';
import { decodePlainJson, encodePlainJson, isPlainJson } from '../../protocol/plain-json';
import { decodeStructured } from '../../protocol/structured-decoder';
import { encodeStructured } from '../../protocol/structured-encoder';
import { MalformedValueError } from '../../protocol/structured-format';
import { jsonOrStructuredTranscode, ValueCodec } from '../../protocol/value-codec';
import { readV2Vectors } from './vectors';

const { jsonValues, malformedJsonValues, values } = readV2Vectors();
/** An indirect eval, which sees what a script sees and nothing of this file. */
const evaluate = (source: string): unknown => (0, eval)(source) as unknown;

const { encode, decode } = jsonOrStructuredTranscode;
const isJson = (value: unknown): boolean => encodePlainJson(value, 0) !== undefined;

describe('golden bytes of JSON text', () => {
  test.each(jsonValues)('$name: $source is read', ({ bytes, source }) => {
    expect(decode(bytes)).toStrictEqual(evaluate(source));
    expect(Object.keys(decode(bytes) as object)).toEqual(Object.keys(evaluate(source) as object));
  });

  test.each(jsonValues)('$name: $source is written byte for byte', ({ bytes, source }) => {
    expect(Buffer.from(encode(evaluate(source))).toString('hex')).toBe(bytes.toString('hex'));
  });

  test.each(malformedJsonValues)('$name is refused: $error', ({ bytes, error }) => {
    expect(() => decode(bytes)).toThrow(MalformedValueError);
    expect(() => decode(bytes)).toThrow(error);
  });

  test.each(jsonValues)('$name, cut off anywhere, is refused', ({ bytes }) => {
    for (let length = 1; length < bytes.length; length++) {
      expect(() => decode(bytes.subarray(0, length))).toThrow(MalformedValueError);
    }
  });

  test.each(values)('the structured value $name is read as before', ({ bytes }) => {
    expect(isPlainJson(bytes)).toBe(false);
  });
});

describe('JSON text is not used for', () => {
  const twice = { a: 1 };
  const cycle: unknown[] = [];
  cycle.push(cycle);
  test.each<[string, unknown]>([
    ['undefined in an object', { a: undefined }],
    ['undefined in an array', [undefined]],
    ['a hole', [1, , 2]], // eslint-disable-line no-sparse-arrays
    ['-0', [-0]],
    ['NaN', { a: NaN }],
    ['Infinity', [Infinity]],
    ['a BigInt', [1n]],
    ['a Date', { at: new Date(0) }],
    ['a Map', [new Map()]],
    ['a Buffer', { a: Buffer.from('a') }],
    ['an Error', [new Error('a')]],
    ['a function', { toJSON: () => 1 }],
    ['a symbol', [Symbol('a')]],
    ['an object of a class', [new (class A {})()]],
    ['an array of a class', [new (class A extends Array {})()]],
    ['an object without a prototype', [Object.create(null)]],
    ['an object of another realm', [vm.runInNewContext('({ a: 1 })')]],
    ['a boxed number', [Object(1)]],
    ['a key __proto__', JSON.parse('{"__proto__":1}')],
    ['a text with __proto__', ['__proto__']],
    ['a text that looks like an escaped underscore', ['\\u005f']],
    ['an object that is met twice', [twice, twice]],
    ['a cycle', cycle],
    ['what is no object', 'text'],
  ])('%s', (_name, value) => {
    expect(isJson(value)).toBe(false);
  });

  test('what is nested deeper than 1,000 levels, whichever way', () => {
    const nested = (levels: number, wrap: (inner: unknown) => unknown): unknown =>
      levels === 0 ? 1 : wrap(nested(levels - 1, wrap));
    const ways: [levels: number, wrap: (inner: unknown) => unknown][] = [
      [1_000, (a) => [a]],
      [1_000, (a) => ({ a })],
      [500, (a) => [1, { b: a }]],
    ];
    for (const [levels, wrap] of ways) {
      const allowed = nested(levels, wrap);
      expect(isJson(allowed)).toBe(true);
      expect(decode(encodePlainJson(allowed, 0)!)).toStrictEqual(allowed);
      const tooDeep = wrap(allowed);
      expect(isJson(tooDeep)).toBe(false);
      expect(() => decode(Buffer.from(JSON.stringify(tooDeep)))).toThrow('too deeply');
    }
  });

  test.each([Object, Array, String])('any value while every %p has a toJSON', ({ prototype }) => {
    Object.defineProperty(prototype, 'toJSON', { value: () => 'changed', configurable: true });
    try {
      expect(isJson([{ a: ['a'] }])).toBe(false);
    } finally {
      Reflect.deleteProperty(prototype, 'toJSON');
    }
  });

  test('any value while every object has a field', () => {
    Object.defineProperty(Object.prototype, 'inherited', { value: { b: 1 }, configurable: true, enumerable: true });
    try {
      expect(isJson({ a: 1 })).toBe(false);
      expect(Object.keys(decode(Buffer.from(encode({ a: 1 }))) as object)).toEqual(['a']);
    } finally {
      Reflect.deleteProperty(Object.prototype, 'inherited');
    }
  });

  test('a value while every string has a toJSON, and nobody sees it', () => {
    Object.defineProperty(String.prototype, 'toJSON', { value: () => 'changed', configurable: true });
    try {
      expect(decode(Buffer.from(encode(['a'])))).toEqual(['a']);
    } finally {
      Reflect.deleteProperty(String.prototype, 'toJSON');
    }
  });
});

describe('a toJSON that is no enumerable field is not called in either form, of', () => {
  test.each<[string, unknown, unknown]>([
    ['an object', { a: Object.defineProperty({ b: 1 }, 'toJSON', { value: () => 1 }) }, { a: { b: 1 } }],
    ['an array', [Object.assign([1], { toJSON: () => 1 })], [[1]]],
    ['a proxy', new Proxy([1], { get: (list, key) => (key === 'toJSON' ? () => 1 : (Reflect.get(list, key) as unknown)) }), [1]],
  ])('%s', (_name, value, expected) => {
    expect(decode(Buffer.from(encode(value)))).toEqual(expected);
    expect(decodeStructured(encodeStructured(value))).toEqual(expected);
  });
});

/** Gives another value each time it is read, the last of them for ever. */
function changing(values: readonly unknown[]): { readonly reads: number; next(): unknown } {
  let reads = 0;
  return {
    get reads() {
      return reads;
    },
    next: () => values[Math.min(reads++, values.length - 1)],
  };
}

test('a getter and a proxy are read once: what is sent is what was checked', () => {
  const anything = fc.anything({ withBigInt: true, withDate: true, withMap: true, withSparseArray: true });
  const ways: readonly ((next: () => unknown) => unknown)[] = [
    (next) => Object.defineProperty({}, 'a', { get: next, enumerable: true }),
    (next) => Object.defineProperty([], 0, { get: next, enumerable: true }),
    (next) => new Proxy({ a: 1 }, { get: (_target, key) => (key === 'a' ? next() : undefined) }),
  ];
  fc.assert(
    fc.property(fc.jsonValue(), anything, fc.constantFrom(...ways), (first, second, wrap) => {
      const source = changing([first, second]);
      const value = { before: 1, list: [wrap(source.next)] };
      const bytes = encodePlainJson(value, 0);
      if (bytes === undefined) return; // for instance -0
      expect(source.reads).toBe(1);
      const { list } = decode(bytes) as { list: [Record<string, unknown>] };
      expect(shown(Object.values(list[0])[0])).toBe(shown(decodeStructured(encodeStructured(first))));
    }),
    { numRuns: 1_000 },
  );
});

test('a getter that throws: its own error', () => {
  const error = new Error('mine');
  const value = Object.defineProperty({}, 'a', {
    enumerable: true,
    get: () => {
      throw error;
    },
  });
  expect(() => encode(value)).toThrow(error);
});

test('flat values of more than 1,000 objects are not taken for deep ones', () => {
  const list = Array.from({ length: 5_000 }, (_, index) => ({ index, tags: ['a'] }));
  expect(isJson(list)).toBe(true);
  expect(decode(encodePlainJson(list, 0)!)).toStrictEqual(list);
});

test('a listener cannot tell which form a value had', () => {
  const anything = fc.anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withNullPrototype: true,
    withSparseArray: true,
    withTypedArray: true,
    withUnicodeString: true,
    key: fc.oneof(fc.string(), fc.constantFrom('__proto__', 'toJSON', 'constructor', '1', '10', '01', '')),
  });
  fc.assert(
    fc.property(fc.oneof(anything, fc.jsonValue()), (value) => {
      const copy = decode(Buffer.from(encode(value)));
      const structured = decodeStructured(encodeStructured(value));
      expect(shown(copy)).toBe(shown(structured));
    }),
    { numRuns: 2_000 },
  );
});

/**
 * Shows classes, keys in order, holes, -0 and invalid dates; deep equality of Node.js 20 takes two invalid dates for different
 * values.
 */
function shown(value: unknown): string {
  return inspect(value, { depth: Infinity, maxArrayLength: Infinity, maxStringLength: Infinity });
}

test('bytes that anybody may have sent give a value or a MalformedValueError', () => {
  const text = fc.jsonValue().map((value) => Buffer.from(JSON.stringify(value)));
  const changed = fc.tuple(text, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 })).map(([bytes, changes]) => {
    for (const [at, byte] of changes) if (bytes.length > 0) bytes[at % bytes.length] = byte;
    return bytes;
  });
  const begun = fc.tuple(fc.constantFrom(0x7b, 0x5b), fc.uint8Array()).map(([first, rest]) => Buffer.from([first, ...rest]));
  fc.assert(
    fc.property(fc.oneof(changed, begun), (bytes) => {
      if (bytes.length === 0) return;
      try {
        decodePlainJson(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(MalformedValueError);
      }
    }),
    { numRuns: 2_000 },
  );
});

describe('of a channel', () => {
  const isPlain = (codec: ValueCodec): boolean => isPlainJson(codec.encode({ a: 1 }));

  test('the first megabytes are JSON text, and again when another reader comes', () => {
    const codec = new ValueCodec(jsonOrStructuredTranscode);
    const megabyte = { text: 'x'.repeat(1024 * 1024) };
    expect(isPlain(codec)).toBe(true);
    for (let i = 0; i < 7; i++) expect(isPlainJson(codec.encode(megabyte))).toBe(true);
    expect(isPlain(codec)).toBe(true);
    codec.encode(megabyte);
    expect(isPlain(codec)).toBe(false);
    codec.welcomeReader(0);
    expect(isPlain(codec)).toBe(true);
  });

  test('a reader that comes to seven others gets a megabyte of JSON text', () => {
    const codec = new ValueCodec(jsonOrStructuredTranscode);
    codec.encode({ text: 'x'.repeat(8 * 1024 * 1024) });
    codec.welcomeReader(7);
    expect(isPlainJson(codec.encode({ text: 'x'.repeat(1024 * 1024) }))).toBe(true);
    expect(isPlain(codec)).toBe(false);
  });

  test('a reader that comes early takes nothing from the first ones', () => {
    const codec = new ValueCodec(jsonOrStructuredTranscode);
    codec.welcomeReader(7);
    codec.encode({ text: 'x'.repeat(7 * 1024 * 1024) });
    expect(isPlain(codec)).toBe(true);
  });

  test.each([0, 12])('%d bytes before a value are free in both forms', (room) => {
    const codec = new ValueCodec(jsonOrStructuredTranscode);
    for (const value of [{ a: 'x' }, { a: undefined }]) {
      const bytes = codec.encode(value, room);
      expect(codec.decode(bytes)).toStrictEqual(value);
      const before = Buffer.from(bytes.buffer, bytes.byteOffset - room, room);
      expect(before.equals(Buffer.alloc(room))).toBe(true);
    }
  });

  test('an older version of ours is offered structured values', () => {
    expect(new ValueCodec(jsonOrStructuredTranscode).names).toEqual(['json-or-structured', 'structured']);
  });
});
