import { isCodecName, serializeJsonTranscode, structuredTranscode, ValueCodec, type Transcode } from '../../protocol/value-codec';

const jsonTranscode: Transcode = {
  encode: (value) => JSON.stringify(value),
  decode: (bytes) => JSON.parse(bytes.toString()) as unknown,
};

describe('the default transcode', () => {
  const values = new ValueCodec(serializeJsonTranscode);

  test.each<[string, unknown]>([
    ['undefined', undefined],
    ['null', null],
    ['true', true],
    ['false', false],
    ['a whole number', 42],
    ['a negative number', -7],
    ['a fraction', 0.1],
    ['the largest safe number', Number.MAX_SAFE_INTEGER],
    ['NaN', NaN],
    ['Infinity', -Infinity],
    ['an empty string', ''],
    ['a string with its own signs', 'a|b^c+d%e f'],
    ['a string beyond ASCII', 'caffè 配置 🚃'],
    ['a Date', new Date(1_700_000_000_123)],
    ['a Buffer', Buffer.from([0, 1, 255])],
    ['an empty Buffer', Buffer.alloc(0)],
    ['an empty array', []],
    ['an empty object', {}],
    ['nesting', { a: [{ b: [1, 'x', null, undefined] }, []], c: { d: {} } }],
  ])('keeps %s', (_name, value) => {
    expect(values.decode(values.encode(value))).toEqual(value);
  });

  test('keeps the message, the stack and the own fields of an error', () => {
    const error = Object.assign(new Error('broken'), { code: 'E_BROKEN' });
    const copy = values.decode(values.encode(error)) as typeof error;
    expect([copy.message, copy.stack, copy.code]).toEqual([error.message, error.stack, 'E_BROKEN']);
  });

  test.each<[string, unknown]>([
    ['function', () => undefined],
    ['symbol', Symbol('s')],
    ['bigint', 1n],
  ])('refuses a %s instead of turning it into null', (type, value) => {
    expect(() => values.encode(value)).toThrow(new TypeError(`a ${type} cannot be encoded`));
  });

  test('throws for a cycle, and says so', () => {
    const cycle: unknown[] = [];
    cycle.push(cycle);
    expect(() => values.encode(cycle)).toThrow(/cycle/);
  });

  test('throws for bytes that it has not written', () => {
    expect(() => values.decode(Buffer.from('x'))).toThrow();
  });

  test('makes a new value each time', () => {
    const bytes = values.encode({ a: 1 });
    expect(values.decode(bytes)).not.toBe(values.decode(bytes));
  });
});

describe('the structured transcode', () => {
  const values = new ValueCodec(structuredTranscode);

  test('keeps what the default one loses', () => {
    const value = { zero: -0, big: 1n, map: new Map([[1, new Set([2])]]), lone: '\ud800', at: new Date(5), none: undefined };
    expect(values.decode(values.encode(value))).toStrictEqual(value);
  });

  test('carries undefined as no bytes', () => {
    expect(values.encode(undefined)).toHaveLength(0);
    expect(values.decode(values.encode(undefined))).toBeUndefined();
  });

  test('refuses what it cannot carry, and says where it is', () => {
    expect(() => values.encode({ a: [() => undefined] })).toThrow(new TypeError('a function at a[0] cannot be encoded'));
  });

  test('throws for bytes that it has not written', () => {
    expect(() => values.decode(Buffer.from('x'))).toThrow(TypeError);
  });

  test('refuses what does not fit into a frame', () => {
    const part = Buffer.alloc(64 * 1024 * 1024);
    expect(() => values.encode([part, Buffer.alloc(64 * 1024 * 1024), Buffer.from(part), Buffer.from(part)])).toThrow(RangeError);
  });
});

test.each<[string, Transcode]>([
  ['serialize-json', serializeJsonTranscode],
  ['structured', structuredTranscode],
  ['custom', jsonTranscode],
])('%s is the name of a way to write values', (name, transcode) => {
  expect(new ValueCodec(transcode).name).toBe(name);
  expect(isCodecName(name)).toBe(true);
  expect(isCodecName(`${name}s`)).toBe(false);
});

describe("a user's transcode", () => {
  test.each<[string, unknown, string]>([
    ['a Buffer, taken as it is', Buffer.from('caffè'), '63616666c3a8'],
    ['a string, taken as UTF-8', 'caffè', '63616666c3a8'],
    ['a Uint8Array', new Uint8Array([1, 2]), '0102'],
    ['a part of a larger Uint8Array', new Uint8Array([0, 1, 2, 3]).subarray(1, 3), '0102'],
    ['undefined, which is no bytes', undefined, ''],
    ['null, which is no bytes', null, ''],
  ])('may give %s', (_name, given, hex) => {
    const values = new ValueCodec({ encode: () => given as Buffer, decode: () => undefined });
    const bytes = values.encode('anything');
    expect(Buffer.isBuffer(bytes)).toBe(true);
    expect(bytes.toString('hex')).toBe(hex);
  });

  test.each<[string, unknown]>([
    ['number', 1],
    ['object', { length: 3 }],
    ['boolean', false],
  ])('may not give a %s', (type, given) => {
    const values = new ValueCodec({ encode: () => given as Buffer, decode: () => undefined });
    expect(() => values.encode('anything')).toThrow(`transcode.encode gave a ${type}`);
  });

  test('gets functions, symbols and BigInt to judge itself', () => {
    const values = new ValueCodec({ encode: (value) => String(value), decode: (bytes) => BigInt(bytes.toString()) });
    expect(values.decode(values.encode(12n))).toBe(12n);
  });

  test('is not asked to read no bytes: they are undefined', () => {
    const decode = jest.fn();
    expect(new ValueCodec({ encode: () => '', decode }).decode(Buffer.alloc(0))).toBeUndefined();
    expect(decode).not.toHaveBeenCalled();
  });

  test('carries undefined although JSON cannot', () => {
    const values = new ValueCodec(jsonTranscode);
    expect(values.decode(values.encode(undefined))).toBeUndefined();
  });

  test('may throw: the error is passed on', () => {
    const throws = (): never => {
      throw new RangeError('mine');
    };
    const values = new ValueCodec({ encode: throws, decode: throws });
    expect(() => values.encode(1)).toThrow(new RangeError('mine'));
    expect(() => values.decode(Buffer.from('x'))).toThrow(new RangeError('mine'));
  });
});
