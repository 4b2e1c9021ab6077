import { types } from 'node:util';
import vm from 'node:vm';
import fc from 'fast-check';
import { decodeStructured } from '../../protocol/structured-decoder';
import { encodeStructured } from '../../protocol/structured-encoder';
import { MalformedValueError } from '../../protocol/structured-format';
import { readV2Vectors } from './vectors';

const { values, malformedValues } = readV2Vectors();

const copyOf = <T>(value: T): T => decodeStructured(encodeStructured(value)) as T;
/** Indirect, to see what a script sees and nothing of this file. */
const evaluate = (source: string): unknown => (0, eval)(source) as unknown;

/** A view of exactly these bytes. */
const eightBytes = (): ArrayBuffer => new Uint8Array([0, 0, 0xc0, 0x7f, 1, 2, 3, 4]).buffer;

describe('golden bytes of structured values', () => {
  test.each(values)('$name: $source is read', ({ bytes, source }) => {
    const [copy, value] = [decodeStructured(bytes), evaluate(source)];
    // To the matcher, two invalid dates are different.
    if (types.isDate(value) && Number.isNaN(value.getTime())) expect(copy).toHaveProperty('getTime', value.getTime);
    else expect(copy).toStrictEqual(value);
  });

  test.each(values)('$name: $source is written byte for byte', ({ bytes, source }) => {
    expect(encodeStructured(evaluate(source)).toString('hex')).toBe(bytes.toString('hex'));
  });

  test.each(malformedValues)('$name is refused: $error', ({ bytes, error }) => {
    expect(() => decodeStructured(bytes)).toThrow(MalformedValueError);
    expect(() => decodeStructured(bytes)).toThrow(error);
  });

  test.each(values)('$name, cut off anywhere, is refused', ({ bytes }) => {
    for (let length = 1; length < bytes.length; length++) {
      expect(() => decodeStructured(bytes.subarray(0, length))).toThrow(MalformedValueError);
    }
  });
});

describe('survives', () => {
  test.each<[string, unknown]>([
    ['undefined', undefined],
    ['null', null],
    ['NaN', NaN],
    ['-0', -0],
    ['Infinity', -Infinity],
    ['the smallest number', Number.MIN_VALUE],
    ['the largest safe number', Number.MAX_SAFE_INTEGER],
    ['-1', -1],
    ['the smallest int32', -(2 ** 31)],
    ['a BigInt', 123n],
    ['a negative BigInt of 1,000 digits', -(10n ** 1000n)],
    ['an empty string', ''],
    ['a string with signs of other formats', 'a|b^c%d+e "\\\u0000\u2028'],
    ['a string beyond ASCII', 'caffè'],
    ['a string beyond Latin-1', 'caffè 配置 🚃'],
    ['the first half of a pair', '\ud83d'],
    ['the second half of a pair', 'a\ude83b'],
    ['halves in the wrong order', '\ude83\ud83d'],
    ['a byte order mark', '\ufeffa'],
    ['a string of 100,000 characters', 'ab☂'.repeat(33_334)],
    ['a Date', new Date(1_700_000_000_123)],
    ['a Buffer', Buffer.from([0, 127, 255])],
    ['a Buffer of 1 MB', Buffer.alloc(1024 * 1024, 'x')],
    ['an ArrayBuffer', eightBytes()],
    ['a DataView', new DataView(eightBytes(), 1, 3)],
    ['an Int8Array', new Int8Array(eightBytes())],
    ['a Uint8Array', new Uint8Array(eightBytes())],
    ['a Uint8ClampedArray', new Uint8ClampedArray(eightBytes())],
    ['an Int16Array', new Int16Array(eightBytes())],
    ['a Uint16Array', new Uint16Array(eightBytes())],
    ['an Int32Array', new Int32Array(eightBytes())],
    ['a Uint32Array', new Uint32Array(eightBytes())],
    ['a Float32Array', new Float32Array(eightBytes())],
    ['a Float64Array', new Float64Array(eightBytes())],
    ['a BigInt64Array', new BigInt64Array(eightBytes())],
    ['a BigUint64Array', new BigUint64Array(eightBytes())],
    ['a part of a typed array', new Uint16Array(eightBytes(), 2, 2)],
    ['an empty typed array', new Float64Array(0)],
    [
      'a Map with keys of every kind',
      new Map<unknown, unknown>([
        [{ a: 1 }, 2],
        [NaN, new Map()],
        [undefined, null],
      ]),
    ],
    ['a Set', new Set<unknown>([1, 'a', new Set([{}])])],
    ['a RegExp', /a(?<name>[^/]\/)*$/dgimsuy],
    ['an empty array', []],
    ['an array with undefined', [undefined, null, undefined]],
    ['an array with holes', [1, , undefined, , 3]], // eslint-disable-line no-sparse-arrays -- what is tested
    ['an array of holes only', new Array(5)],
    ['an empty object', {}],
    ['nesting', { a: [{ b: [1, 'x', null, undefined] }, []], c: { d: {} } }],
    ['keys like those of every object', { constructor: 1, toString: 2, hasOwnProperty: 3, length: 4, '': 5 }],
    ['keys that are numbers', { 2: 'b', 1: 'a', x: 'c' }],
    ['keys beyond Latin-1', { 名前: 'x', '\ud800': 1 }],
    ['100 different keys', Object.fromEntries(Array.from({ length: 100 }, (_, i) => [`key${i}`, i]))],
  ])('%s', (_name, value) => {
    expect(copyOf(value)).toStrictEqual(value);
  });

  test('an invalid Date', () => {
    const copy = copyOf(new Date(NaN));
    expect(copy).toBeInstanceOf(Date);
    expect(copy.getTime()).toBeNaN();
  });

  test('a Buffer as a Buffer, also inside', () => {
    expect(Buffer.isBuffer(copyOf({ b: [Buffer.from('a')] }).b[0])).toBe(true);
    expect(Buffer.isBuffer(copyOf(new Uint8Array(1)))).toBe(false);
  });

  test('an object without prototype as one', () => {
    const bare = Object.assign(Object.create(null) as Record<string, unknown>, { a: { b: 1 } });
    expect(Object.getPrototypeOf(copyOf(bare))).toBeNull();
    expect(copyOf(bare)).toEqual({ a: { b: 1 } });
    expect(Object.getPrototypeOf(copyOf(Object.create(null)))).toBeNull();
  });

  test.each<[string, () => object]>([
    ['an object', () => JSON.parse('{"__proto__": {"polluted": 1}, "x": 1}') as object],
    ['an object without prototype', () => Object.assign(Object.create(null) as object, { ['__proto__']: { polluted: 1 } })],
    [
      'an object of many keys',
      () =>
        Object.defineProperty(Object.fromEntries(Array.from({ length: 40 }, (_, i) => [`k${i}`, i])), '__proto__', {
          value: { polluted: 1 },
          enumerable: true,
        }),
    ],
  ])('a key __proto__ of %s, as an own property that changes no prototype', (_name, make) => {
    const value = make();
    const copy = copyOf(value);
    expect(Object.getPrototypeOf(copy)).toBe(Object.getPrototypeOf(value));
    expect(Object.keys(copy)).toEqual(Object.keys(value));
    expect(Object.getOwnPropertyDescriptor(copy, '__proto__')!.value).toEqual({ polluted: 1 });
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });

  test('cycles through every kind of container', () => {
    interface Knot {
      list: unknown[];
      map: Map<unknown, unknown>;
      set: Set<unknown>;
      error: Error;
      self?: Knot;
    }
    const knot: Knot = { list: [], map: new Map(), set: new Set(), error: new Error('e') };
    knot.self = knot;
    knot.list.push(knot, knot.list);
    knot.map.set(knot, knot.map);
    knot.set.add(knot);
    knot.error.cause = knot;
    const copy = copyOf(knot);
    expect(copy).not.toBe(knot);
    expect(copy.self).toBe(copy);
    expect(copy.list).toEqual([copy, copy.list]);
    expect(copy.list[1]).toBe(copy.list);
    expect(copy.map.get(copy)).toBe(copy.map);
    expect(copy.set.has(copy)).toBe(true);
    expect(copy.error.cause).toBe(copy);
  });

  test.each<[string, object]>([
    ['an object', {}],
    ['an array', []],
    ['an array with holes', new Array(2)],
    ['a Date', new Date(0)],
    ['a RegExp', /a/],
    ['a Buffer', Buffer.from('a')],
    ['a typed array', new Uint8Array(2)],
    ['a Map', new Map()],
    ['a Set', new Set()],
    ['an Error', new Error('e')],
    ['an object without prototype', Object.create(null) as object],
    ['an instance of a class', new (class A {})()],
  ])('%s that is in two places, as one', (_name, shared) => {
    const copy = copyOf({ before: [{}], a: shared, b: { c: shared } });
    expect(copy.a).toBe(copy.b.c);
    expect(copy.a).not.toBe(copy.before[0]);
  });

  test('what is replaced by something plainer does not change what is referred to', () => {
    const shared = { shared: true };
    const asText = new URL('http://localhost/');
    class Own {
      a = 1;
      toJSON(): this {
        return this;
      }
    }
    const own = new Own();
    class Wrapped {
      toJSON(): object {
        return { inside: [this, shared] };
      }
    }
    const wrapped = new Wrapped();
    const copy = copyOf<unknown[]>([Object(1), asText, shared, own, wrapped, asText, wrapped, own, shared, Object('a')]);
    expect(copy.slice(0, 4)).toEqual([1, 'http://localhost/', shared, { a: 1 }]);
    expect(copy[8]).toBe(copy[2]);
    expect(copy[7]).toBe(copy[3]);
    expect(copy[6]).toBe(copy[4]);
    expect((copy[4] as { inside: unknown[] }).inside).toEqual([copy[4], copy[2]]);
    expect([copy[5], copy[9]]).toEqual(['http://localhost/', 'a']);
  });

  test('a value whose shapes are more than are counted', () => {
    const many = Array.from({ length: 3_000 }, (_, i) => ({ [`k${i}`]: i, nested: { [`n${i}`]: i } }));
    expect(copyOf(many)).toEqual(many);
    expect(copyOf(many)).toEqual(many); // the encoder has forgotten the shapes of the first time
  });

  test('an array of four thousand million holes, in little time and memory', () => {
    const far: unknown[] = [];
    far[2 ** 32 - 2] = 'end';
    expect(encodeStructured(far).length).toBeLessThan(30);
    const copy = copyOf(far);
    expect([copy.length, Object.keys(copy), copy.at(-1)]).toEqual([2 ** 32 - 1, ['4294967294'], 'end']);
  });

  test('900 levels of nesting', () => {
    let value: unknown = 'bottom';
    for (let level = 0; level < 900; level++) value = level % 2 ? [value] : { value };
    expect(copyOf(value)).toEqual(value);
  });
});

describe('errors', () => {
  type Loose = Error & Record<string, unknown>;

  test('keep class, message, stack, cause and own fields', () => {
    const error = Object.assign(new RangeError('broken', { cause: new TypeError('inner') }), { code: 'E', at: new Date(0) });
    const copy = copyOf<unknown>(error) as Loose;
    expect(copy).toBeInstanceOf(RangeError);
    expect([copy.name, copy.message, copy.stack]).toEqual(['RangeError', 'broken', error.stack]);
    expect(copy.cause).toBeInstanceOf(TypeError);
    expect(Object.entries(copy)).toEqual([
      ['code', 'E'],
      ['at', new Date(0)],
    ]);
    expect(Object.getOwnPropertyNames(copy).sort()).toEqual(['at', 'cause', 'code', 'message', 'stack']);
  });

  test.each([Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError])('keep the class %p', (Class) => {
    expect(Object.getPrototypeOf(copyOf(new Class('m')))).toBe(Class.prototype);
  });

  test('keep a name of their own, and the class that they extend', () => {
    class ConfigError extends TypeError {
      override readonly name = 'ConfigError';
    }
    class SilentError extends RangeError {}
    Object.defineProperty(SilentError.prototype, 'name', { value: 'SilentError' });
    expect(Object.entries(copyOf(new ConfigError('m')))).toEqual([['name', 'ConfigError']]);
    const silent = copyOf(new SilentError('m'));
    expect([silent.name, Object.keys(silent), silent instanceof RangeError]).toEqual(['SilentError', [], true]);
  });

  test('keep the errors of an AggregateError', () => {
    const copy = copyOf(new AggregateError([new TypeError('1'), 'text'], 'all'));
    expect(copy).toBeInstanceOf(AggregateError);
    expect(copy.errors).toEqual([new TypeError('1'), 'text']);
    expect(Object.keys(copy)).toEqual([]);
  });

  test('without a message have none', () => {
    expect(Object.hasOwn(copyOf(new Error()), 'message')).toBe(false);
    expect(copyOf(new Error('')).message).toBe('');
  });

  test('of another realm are errors of this one', () => {
    const copy = copyOf(vm.runInNewContext('Object.assign(new RangeError("far"), { code: 1 })')) as Loose;
    expect([copy instanceof RangeError, copy.message, copy.code]).toEqual([true, 'far', 1]);
  });

  test('that cost a few bytes cost no stack trace', () => {
    const limit = Error.stackTraceLimit;
    expect(copyOf(Object.defineProperty(new Error('m'), 'stack', { value: undefined })).stack ?? '').not.toContain('\n');
    expect(Error.stackTraceLimit).toBe(limit);
  });
});

describe('becomes something plainer', () => {
  test('an instance of a class: an object of its own enumerable fields', () => {
    class Point {
      readonly #secret = 1;
      x = 1;
      constructor(readonly y: number) {}
      get sum(): number {
        return this.x + this.y + this.#secret;
      }
    }
    const copy = copyOf<object>(new Point(2));
    expect(Object.getPrototypeOf(copy)).toBe(Object.prototype);
    expect(copy).toStrictEqual({ x: 1, y: 2 });
  });

  test('an instance that says what it is in JSON: that', () => {
    expect(copyOf<unknown>(new URL('http://localhost/a'))).toBe('http://localhost/a');
  });

  test('subclasses of Map, Array and Date: the class that they extend', () => {
    class Cache extends Map<string, number> {}
    class List extends Array<number> {}
    class Day extends Date {}
    expect(copyOf<unknown>(new Cache([['a', 1]]))).toStrictEqual(new Map([['a', 1]]));
    expect(copyOf<unknown>(List.of(1, 2))).toStrictEqual([1, 2]);
    expect(copyOf<unknown>(new Day(5))).toStrictEqual(new Date(5));
  });

  test('a boxed primitive: the primitive', () => {
    expect(copyOf<unknown>([Object(1), Object('a'), Object(true), Object(1n)])).toEqual([1, 'a', true, 1n]);
  });

  test('a getter: its value', () => {
    const value = {
      get now() {
        return 5;
      },
    };
    expect(Object.getOwnPropertyDescriptor(copyOf(value), 'now')).toMatchObject({ value: 5, writable: true });
  });

  test('values of another realm: values of this one', () => {
    const foreign = vm.runInNewContext(
      '({ a: [1, new Map([[1, new Date(5)]]), new Uint8Array(2), /x/g, new Set([1])] })',
    ) as object;
    expect(copyOf(foreign)).toStrictEqual({ a: [1, new Map([[1, new Date(5)]]), new Uint8Array(2), /x/g, new Set([1])] });
  });

  test('what is not enumerable, named by a symbol, or beside the elements of an array: nothing', () => {
    const value = Object.assign(Object.defineProperty({ a: 1 }, 'hidden', { value: 2 }), { [Symbol('s')]: 3 });
    expect(Reflect.ownKeys(copyOf(value))).toEqual(['a']);
    expect(Object.keys(copyOf(Object.assign([1], { extra: 2 })))).toEqual(['0']);
  });
});

describe('is refused, with its place', () => {
  const cases: [string, unknown, string][] = [
    ['a function', () => undefined, 'a function cannot be encoded'],
    ['a class', class A {}, 'a function cannot be encoded'],
    ['a symbol', Symbol('s'), 'a symbol cannot be encoded'],
    ['a function in an object', { a: { b: () => 1 } }, 'a function at a.b cannot be encoded'],
    ['a function in an array', [1, [2, () => 3]], 'a function at [1][1] cannot be encoded'],
    ['a symbol under an odd key', { 'a b': [Symbol('s')] }, 'a symbol at ["a b"][0] cannot be encoded'],
    ['a function beside others', [{ a: { x: 1 } }, { a: { x: () => 1 } }], 'a function at [1].a.x cannot be encoded'],
    ['a function in a Map', { m: new Map([['k', { f: () => 1 }]]) }, 'a function at m<entry 1>.f cannot be encoded'],
    ['a symbol in a Set', new Set([1, Symbol('s')]), 'a symbol at <entry 2> cannot be encoded'],
    ['a function in an error', Object.assign(new Error('x'), { f: () => 1 }), 'a function at f cannot be encoded'],
    ['a function in a cause', { e: new Error('x', { cause: [() => 1] }) }, 'a function at e.cause[0] cannot be encoded'],
    ['a function among holes', [, () => 1], 'a function at [1] cannot be encoded'], // eslint-disable-line no-sparse-arrays
    ['a WeakMap', { w: new WeakMap() }, 'a WeakMap at w cannot be encoded'],
    ['a WeakSet', new WeakSet(), 'a WeakSet cannot be encoded'],
    ['a WeakRef', [new WeakRef({})], 'a WeakRef at [0] cannot be encoded'],
    ['a Promise', { a: [Promise.resolve(1)] }, 'a Promise at a[0] cannot be encoded'],
    ['a Promise with fields', Object.assign(Promise.resolve(1), { a: 1 }), 'a Promise cannot be encoded'],
    ['a generator', { g: (function* () {})() }, 'a Generator at g cannot be encoded'],
    ['an iterator', new Map().keys(), 'a Map Iterator cannot be encoded'],
    ['a boxed symbol', [Object(Symbol('s'))], 'a symbol at [0] cannot be encoded'],
    ['URLSearchParams', { q: new URLSearchParams('a=1') }, 'a URLSearchParams at q cannot be encoded'],
  ];

  test.each(cases)('%s', (_name, value, message) => {
    expect(() => encodeStructured(value)).toThrow(new TypeError(message));
  });

  test('nesting that is too deep', () => {
    let value: unknown = 1;
    for (let level = 0; level < 1_001; level++) value = [value];
    expect(() => encodeStructured(value)).toThrow(/^what is nested deeper than 1000 levels at (\[0\])+ cannot be encoded$/);
  });

  test('a getter that throws: its own error', () => {
    const value = {
      get a(): never {
        throw new RangeError('mine');
      },
    };
    expect(() => encodeStructured(value)).toThrow(new RangeError('mine'));
  });

  test('and the next value is not touched by it', () => {
    const next = { a: [{ b: 'x' }, { b: 'y' }] };
    const bytes = encodeStructured(next);
    for (const [, value] of cases) {
      expect(() => encodeStructured([next, 'text', Buffer.from('x'), value])).toThrow(TypeError);
      expect(encodeStructured(next)).toEqual(bytes);
    }
  });
});

test('a getter may encode something itself', () => {
  const inner = { a: 1 };
  const outer = {
    before: 'x',
    get bytes() {
      return encodeStructured(inner);
    },
    after: { a: 2 },
  };
  const copy = copyOf(outer);
  expect(decodeStructured(copy.bytes)).toEqual(inner);
  expect([copy.before, copy.after]).toEqual(['x', { a: 2 }]);
});

test('each payload stands alone: values are read in any order, any number of times', () => {
  const payloads = Array.from({ length: 20 }, (_, i) => encodeStructured({ id: i, name: `n${i}`, list: [{ id: i }] }));
  for (const index of [19, 3, 3, 0, 11, 19]) {
    expect(decodeStructured(payloads[index]!)).toEqual({ id: index, name: `n${index}`, list: [{ id: index }] });
  }
});

test('what is read shares no memory with the bytes', () => {
  const bytes = encodeStructured({ buffer: Buffer.from('abc'), array: new Uint8Array([1, 2]), text: 'text' });
  const copy = decodeStructured(bytes) as object;
  bytes.fill(0xff);
  expect(copy).toEqual({ buffer: Buffer.from('abc'), array: new Uint8Array([1, 2]), text: 'text' });
});

describe('whatever is sent', () => {
  const anything = fc.anything({
    values: [
      fc.boolean(),
      fc.integer(),
      fc.double(),
      fc.string({ unit: 'binary' }),
      fc.constantFrom(null, undefined, NaN, -0),
      fc.bigInt(),
      fc.date({ noInvalidDate: true }), // to the matcher, two invalid dates are different
    ],
    withMap: true,
    withSet: true,
    withNullPrototype: true,
    withSparseArray: true,
    withTypedArray: true,
    maxDepth: 4,
  });

  test('is read as it was', () => {
    fc.assert(
      fc.property(anything, (value) => {
        expect(copyOf(value)).toStrictEqual(value);
      }),
      { numRuns: 2000 },
    );
  });

  test('any strings, in any mix and length', () => {
    const unit = fc.integer({ min: 0, max: 0xffff }).map((code) => String.fromCharCode(code));
    const text = fc.oneof(
      fc.string(),
      fc.string({ unit }),
      fc.string({ maxLength: 20 }).map((part) => part.repeat(1_000)),
    );
    fc.assert(
      fc.property(fc.array(text), (texts) => {
        expect(copyOf(texts)).toEqual(texts);
      }),
      { numRuns: 500 },
    );
  });

  test('any numbers', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.integer(), fc.double(), fc.maxSafeInteger(), fc.nat(300))), (numbers) => {
        expect(copyOf(numbers)).toEqual(numbers);
      }),
    );
  });
});

describe('whatever is received', () => {
  /** A right head before anything. */
  const framed = fc
    .tuple(fc.nat(4), fc.uint8Array({ maxLength: 40 }), fc.uint8Array({ maxLength: 20 }), fc.nat(25))
    .map(([form, body, rest, characters]) => Buffer.from([form, body.length, characters, ...body, ...rest]));
  /** Arrays of parts, each of which is valid alone, as bytes and text. */
  const parts: readonly (readonly [body: number[], text: string])[] = [
    [[0xe0], ''],
    [[5], ''],
    [[0x82], 'ab'],
    [[0xe7, 1, 9, 1], '__proto__'],
    [[0xe7, 2, 1, 9, 0xc0, 1, 2], 'a__proto__'],
    [[0xc0, 0xe1], ''],
    [[0xc1, 0xe0, 0xe0], ''],
    [[0xe9, 1, 9, 0xed, 0], '__proto__'],
    [[0xea, 1, 11, 0xe3], 'constructor'],
    [[0xed, 0], ''],
    [[0xed, 2], ''],
    [[0xec, 5, 1, 3, 0xe3], ''],
    [[0xf0, 1, 1], 'ag'],
    [[0xf1, 1, 0xed, 0, 0xed, 1], ''],
    [[0xf2, 2, 0xed, 0, 0xf4, 0, 0, 0xe9, 0], ''],
    [[0xf4, 7, 16, 0xed, 0, 0xe9, 1, 9, 1], '__proto__'],
    [[0xf4, 1, 31, 1, 2, 3, 4, 5, 0xe9, 1, 5, 1], 'stack'],
  ];
  const likely = fc.array(fc.constantFrom(...parts), { maxLength: 6 }).map((chosen) => {
    const body = [0xeb, chosen.length, ...chosen.flatMap(([bytes]) => bytes)];
    const text = chosen.map(([, characters]) => characters).join('');
    return Buffer.from([2, body.length, text.length, ...body, ...Buffer.from(text)]);
  });
  const damaged = fc
    .tuple(
      fc.constantFrom(...values.filter(({ bytes }) => bytes.length > 0)),
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 4 }),
    )
    .map(([{ bytes }, changes]) => {
      const copy = Buffer.from(bytes);
      for (const [at, byte] of changes) copy[at % copy.length] = byte;
      return copy;
    });

  test.each<[string, fc.Arbitrary<Buffer>, canBeRead?: boolean]>([
    ['any bytes', fc.uint8Array({ maxLength: 100 }).map((array) => Buffer.from(array))],
    ['any body', framed],
    ['likely bodies', likely, true],
    ['damaged golden values', damaged, true],
  ])(
    '%s: a value without a function and with an untouched prototype, or a MalformedValueError',
    (_name, arbitrary, canBeRead = false) => {
      const prototypeKeys = Reflect.ownKeys(Object.prototype);
      let read = 0;
      fc.assert(
        fc.property(arbitrary, (bytes) => {
          let value: unknown;
          try {
            value = decodeStructured(bytes);
          } catch (error) {
            expect(error).toBeInstanceOf(MalformedValueError);
            return;
          }
          read++;
          expect(typeof value).not.toBe('function');
          // The value can be written again: nothing in the value could not have been sent.
          expect(() => encodeStructured(value)).not.toThrow();
        }),
        { numRuns: 3000 },
      );
      expect(Reflect.ownKeys(Object.prototype)).toEqual(prototypeKeys);
      expect(read > 0 || !canBeRead).toBe(true);
    },
  );

  test.each<[string, (claim: number[]) => number[]]>([
    ['an array', (claim) => [0xeb, ...claim]],
    ['arrays in arrays', (claim) => Array.from({ length: 200 }, () => [0xeb, ...claim]).flat()],
    ['an array with holes', (claim) => [0xec, ...claim, 0]],
    ['an array with holes and many elements', (claim) => [0xec, ...claim, ...claim]],
    ['a dictionary', (claim) => [0xe9, ...claim]],
    ['a Map', (claim) => [0xf1, ...claim]],
    ['a Set', (claim) => [0xf2, ...claim]],
    ['binary data', (claim) => [0xf3, 1, ...claim]],
    ['a Buffer', (claim) => [0xf3, 0, ...claim]],
    ['a string', (claim) => [0xe6, ...claim]],
    ['a BigInt', (claim) => [0xee, 0, ...claim]],
    ['a shape', (claim) => [0xe7, ...claim]],
  ])('the length that %s claims costs nothing', (_name, bodyOf) => {
    // Just below 32 million elements V8 would still take the memory for an array at once.
    for (const claim of [
      [0x80, 0x80, 0x80, 0x0f],
      [0xff, 0xff, 0xff, 0xff, 0x0f],
    ]) {
      const body = bodyOf(claim);
      const bytes = Buffer.from([
        0,
        ...(body.length < 128 ? [body.length] : [(body.length & 127) | 128, body.length >> 7]),
        0,
        ...body,
      ]);
      const before = process.memoryUsage();
      let kept: unknown;
      try {
        kept = decodeStructured(bytes);
      } catch (error) {
        expect(error).toBeInstanceOf(MalformedValueError);
      }
      const after = process.memoryUsage();
      const grown = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers;
      expect(grown).toBeLessThan(4 * 1024 * 1024);
      expect(types.isProxy(kept)).toBe(false); // alive until here
    }
  });

  test('many arrays of holes cost little', () => {
    const arrays = 50_000;
    const body = [0xeb, 0xd0, 0x86, 0x03, ...Array.from({ length: arrays }, () => [0xec, 0x80, 0x08, 0]).flat()];
    const before = process.memoryUsage().heapUsed;
    const copy = decodeStructured(Buffer.from([0, 0xc4, 0x9a, 0x0c, 0, ...body])) as unknown[][];
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(64 * 1024 * 1024);
    expect([copy.length, copy[0]!.length, copy.at(-1)!.length]).toEqual([arrays, 1024, 1024]);
  });

  test('no code is made: it works where that is forbidden', () => {
    const generated = jest.spyOn(globalThis, 'Function');
    const many = Array.from({ length: 100 }, (_, i) => ({ a: i, b: `${i}` }));
    expect(copyOf(many)).toEqual(many);
    expect(generated).not.toHaveBeenCalled();
    generated.mockRestore();
  });
});
