import vm from 'node:vm';
import { fromErrorValue, isError, toErrorValue } from '../../protocol/error-value';
import { serializeJsonTranscode, structuredTranscode, ValueCodec, type Transcode } from '../../protocol/value-codec';

const jsonTranscode: Transcode = {
  encode: (value) => JSON.stringify(value),
  decode: (bytes) => JSON.parse(bytes.toString()) as unknown,
};

/** An error as the other process gets the error. */
function send(thrown: unknown, transcode: Transcode): unknown {
  const values = new ValueCodec(transcode);
  return fromErrorValue(values.decode(values.encode(toErrorValue(thrown))));
}

type Loose = Error & Record<string, unknown>;

describe.each([
  ['structured', structuredTranscode],
  ['serialize-json', serializeJsonTranscode],
  ['JSON', jsonTranscode],
])('an error sent with %s', (_name, transcode) => {
  const sent = (thrown: unknown): Loose => send(thrown, transcode) as Loose;

  test('is an Error with message, name and stack, of which only own fields are enumerable', () => {
    const error = Object.assign(new TypeError('broken'), { path: '/a' });
    const copy = sent(error);
    expect(copy).toBeInstanceOf(Error);
    expect([copy.message, copy.name, copy.stack]).toEqual(['broken', 'TypeError', error.stack]);
    expect(Object.keys(copy)).toEqual(['path']);
    expect(String(copy)).toBe('TypeError: broken');
  });

  test.each([['E_BROKEN'], [''], [404], [0], [-1]])('keeps the code %p', (code) => {
    expect(sent(Object.assign(new Error('x'), { code })).code).toBe(code);
  });

  test.each<[string, unknown]>([
    ['a boolean', false],
    ['an object', { http: 404 }],
    ['null', null],
  ])('keeps a code that is %s', (_case, code) => {
    expect(sent(Object.assign(new Error('x'), { code })).code).toEqual(code);
  });

  test('has no code when there was none', () => {
    expect('code' in sent(new Error('x'))).toBe(false);
    expect('code' in sent(Object.assign(new Error('x'), { code: undefined }))).toBe(false);
  });

  test('keeps an empty message', () => {
    expect(sent(new Error('')).message).toBe('');
  });

  test('keeps own fields of every plain kind', () => {
    const fields = { number: 1, text: 'caffè', flag: false, nothing: null, list: [1, ['a']], nested: { a: { b: 1 } } };
    expect(sent(Object.assign(new Error('x'), fields))).toMatchObject(fields);
  });

  test('keeps own fields that are called like parts of the plain form', () => {
    const fields = { fields: { a: 1 }, thrown: 'x', value: 2, error: 3 };
    expect(sent(Object.assign(new Error('x'), fields))).toMatchObject(fields);
  });

  test('keeps a chain of causes', () => {
    const error = new Error('1', { cause: new TypeError('2', { cause: Object.assign(new RangeError('3'), { code: 'E3' }) }) });
    expect(sent(error)).toMatchObject({
      message: '1',
      cause: { message: '2', name: 'TypeError', cause: { message: '3', name: 'RangeError', code: 'E3' } },
    });
    expect(sent(error).cause).toBeInstanceOf(Error);
    expect(Object.keys(sent(error))).toEqual([]);
  });

  test.each<[string, unknown]>([
    ['a string', 'reason'],
    ['null', null],
    ['false', false],
    ['an object', { code: 1, error: 'x' }],
  ])('keeps a cause that is %s', (_case, cause) => {
    expect(sent(new Error('x', { cause })).cause).toEqual(cause);
  });

  test('keeps the errors of an AggregateError, in order', () => {
    const copy = sent(new AggregateError([new TypeError('a'), 'b', new Error('c', { cause: 'd' })], 'all failed'));
    expect(copy).toBeInstanceOf(AggregateError);
    expect(copy).toMatchObject({
      message: 'all failed',
      name: 'AggregateError',
      errors: [{ message: 'a', name: 'TypeError' }, 'b', { message: 'c', cause: 'd' }],
    });
  });

  test('keeps errors that are no list, as validation libraries have them', () => {
    const errors = { name: { kind: 'required' } };
    expect(sent(Object.assign(new Error('invalid'), { errors })).errors).toEqual(errors);
  });

  test('cuts a cycle of causes', () => {
    const a = new Error('a');
    const b = new Error('b', { cause: a });
    a.cause = b;
    expect(sent(a)).toMatchObject({ message: 'a', cause: { message: 'b', cause: '[Error: a]' } });
  });

  test('cuts cycles of own fields, but keeps what is only mentioned twice', () => {
    const shared = { n: 1 };
    const error = Object.assign(new Error('x'), { first: shared, second: [shared] }) as Error as Loose;
    error['self'] = error;
    error['loop'] = { back: error, list: [] as unknown[] };
    (error['loop'] as { list: unknown[] }).list.push(error['loop']);
    expect(sent(error)).toMatchObject({
      first: { n: 1 },
      second: [{ n: 1 }],
      self: '[Circular]',
      loop: { back: '[Circular]', list: ['[Circular]'] },
    });
  });

  test('cuts a chain of causes after the fifth', () => {
    let error = new Error('0');
    for (let i = 1; i <= 100; i++) error = new Error(String(i), { cause: error });
    const messages: unknown[] = [];
    for (let at: unknown = sent(error); ; at = at.cause) {
      messages.push(at instanceof Error ? at.message : at);
      if (!(at instanceof Error)) break;
    }
    expect(messages).toEqual(['100', '99', '98', '97', '96', '95', '[Error: 94]']);
  });

  test('cuts deep own fields', () => {
    const deep = { a: { b: { c: { d: { e: {} } } } }, list: [[[[[[1]]]]]] };
    expect(sent(Object.assign(new Error('x'), { deep }))['deep']).toEqual({
      a: { b: { c: { d: '[Object]' } } },
      list: [[['[Array]']]],
    });
  });

  test('says what it cannot carry', () => {
    const fields = { run: function go() {}, big: 12n, sign: Symbol('s') };
    expect(sent(Object.assign(new Error('x'), fields))).toMatchObject({
      run: '[Function: go]',
      big: '12',
      sign: 'Symbol(s)',
    });
  });

  test.each(['message', 'name', 'stack', 'code', 'cause', 'errors', 'other'])('survives a getter of %s that throws', (name) => {
    const error = Object.defineProperty(new Error('x'), name, {
      enumerable: true,
      get: () => {
        throw new Error('no access');
      },
    });
    const copy = sent(error);
    expect(copy).toBeInstanceOf(Error);
    expect(copy[name]).toBe('[unreadable: Error: no access]');
  });

  test('survives a getter that throws inside of a field, a list and a cause', () => {
    const trap = {
      get x(): never {
        throw new Error('no access');
      },
    };
    const cause = Object.defineProperty(new Error('inner'), 'message', { get: () => trap.x });
    expect(sent(Object.assign(new Error('x', { cause }), { trap, list: [trap] }))).toMatchObject({
      trap: { x: '[unreadable: Error: no access]' },
      list: [{ x: '[unreadable: Error: no access]' }],
      cause: { message: '[unreadable: Error: no access]' },
    });
  });

  test.each<[string, () => unknown]>([
    ['a revoked proxy as a field', () => Object.assign(new Error('x'), { proxy: revoked() })],
    ['a revoked proxy as the cause', () => new Error('x', { cause: revoked() })],
    ['a revoked proxy as errors', () => Object.assign(new Error('x'), { errors: revoked() })],
    ['a revoked proxy itself', revoked],
    ['a message without a string form', () => Object.assign(new Error('x'), { message: Object.create(null) as string })],
    ['a symbol as the name', () => Object.assign(new Error('x'), { name: Symbol('s') })],
    ['an object without a prototype', () => Object.create(null)],
  ])('survives %s', (_case, make) => {
    expect(() => sent(make())).not.toThrow();
  });

  test('does not let a field called __proto__ change anything', () => {
    const fields = JSON.parse('{"__proto__":{"polluted":1},"kept":{"__proto__":{"polluted":2},"a":1}}') as object;
    const error = new Error('x');
    for (const [name, value] of Object.entries(fields)) {
      Object.defineProperty(error, name, { value: value as unknown, enumerable: true });
    }
    const copy = sent(error);
    expect(Object.getPrototypeOf(copy)).toBe(Error.prototype);
    expect(copy['polluted']).toBeUndefined();
    expect(copy['kept']).toEqual({ a: 1 });
    expect((copy['kept'] as Loose)['polluted']).toBeUndefined();
    expect(({} as Loose)['polluted']).toBeUndefined();
  });

  test('may come from another realm', () => {
    const error: unknown = vm.runInNewContext('Object.assign(new TypeError("far"), { code: 1 })');
    expect(sent(error)).toMatchObject({ message: 'far', name: 'TypeError', code: 1 });
    expect(sent(error)).toBeInstanceOf(Error);
  });

  describe('that is no Error', () => {
    test.each<[string, unknown]>([
      ['a string', 'boom'],
      ['a number', 0],
      ['null', null],
      ['false', false],
      ['undefined', undefined],
      ['a list', [1, 2]],
      ['an object', { status: 500, message: 'boom' }],
    ])('comes out as it was: %s', (_case, thrown) => {
      expect(sent(thrown)).toEqual(thrown);
    });

    test('comes out as text where it cannot be carried', () => {
      expect(sent(Symbol('s'))).toBe('Symbol(s)');
      expect(sent(12n)).toBe('12');
    });
  });
});

describe('beside cluster-client', () => {
  test('the four fields that its leader sends become an error', () => {
    const value = { stack: 'ConfigError: no\n    at far', name: 'ConfigError', message: 'no', code: 'E_NO' };
    const error = fromErrorValue(value) as Loose;
    expect(error).toBeInstanceOf(Error);
    expect([error.stack, error.name, error.message, error.code]).toEqual([value.stack, value.name, value.message, value.code]);
    expect(Object.keys(error)).toEqual(['code']);
  });

  test('a missing code stays missing', () => {
    const error = fromErrorValue({ stack: 's', name: 'Error', message: 'no', code: undefined }) as Loose;
    expect('code' in error).toBe(false);
  });

  test('whatever else a leader puts beside the message becomes a field', () => {
    const error = fromErrorValue({ message: 'no', name: 'E', status: 500, cause: 'text', errors: 'none' }) as Loose;
    expect(error).toMatchObject({ message: 'no', status: 500, cause: 'text' });
  });

  test('its follower finds message, name, code and stack in what we send', () => {
    const error = Object.assign(new TypeError('x'), { code: 1 });
    expect(toErrorValue(error)).toMatchObject({ message: 'x', name: 'TypeError', code: 1, stack: error.stack });
  });

  test('its follower finds the message of a plain object that was thrown', () => {
    expect(toErrorValue({ message: 'x', name: 'Mine', code: 'E' })).toMatchObject({ message: 'x', name: 'Mine', code: 'E' });
    expect(toErrorValue('text')).toMatchObject({ message: 'text', name: 'Error' });
  });

  test.each<[unknown, string]>([
    ['text', 'text'],
    [undefined, 'undefined'],
    [null, 'null'],
    [7, '7'],
  ])('the value %p instead of an error-value becomes an error with that text', (value, message) => {
    expect(fromErrorValue(value)).toEqual(new Error(message));
  });
});

test.each<[string, unknown, boolean]>([
  ['an Error', new TypeError('x'), true],
  ['an Error of another realm', vm.runInNewContext('new Error("x")'), true],
  ['a system error', systemError(), true],
  ['an object with a message', { message: 'x', stack: 'y' }, false],
  ['null', null, false],
  ['a revoked proxy', revoked(), false],
])('isError knows %s', (_name, value, expected) => {
  expect(isError(value)).toBe(expected);
});

function revoked(): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

function systemError(): unknown {
  try {
    process.kill(0x7fff_ffff, 0);
    return undefined;
  } catch (error) {
    return error;
  }
}
