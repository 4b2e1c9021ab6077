import { isDeepStrictEqual } from 'node:util';
import { formatKey } from '../src/format-key';
import { snapshot } from '../src/snapshot';

class Registration {
  static made = 0;
  tags = ['a'];

  constructor(public id: string) {
    Registration.made++;
  }

  toString(): string {
    return this.id;
  }
}

class Private {
  #id = 1;
  id(): number {
    return this.#id;
  }
}

class Tagged extends Map<string, unknown> {
  tag = { name: 'x' };
}

const cyclic: Record<string, unknown> = { list: [1] };
cyclic.self = cyclic;
cyclic.again = cyclic.list;
const sparse: unknown[] = [, 1, , { a: 1 }, ,]; // eslint-disable-line no-sparse-arrays -- prettier-ignore
const symbol = Symbol('s');

it.each<[string, object]>([
  ['a plain object', { a: 1, b: { c: [{}] } }],
  ['an object without a prototype', Object.assign(Object.create(null), { a: { b: 1 } })],
  ['a property called __proto__', JSON.parse('{"__proto__":{"a":[1]},"b":2}') as object],
  ['properties named by symbols', { [symbol]: { a: 1 } }],
  ['an array with holes', sparse],
  ['a Map and a Set', { map: new Map<unknown, unknown>([[{ k: 1 }, [1]]]), set: new Set([{ a: 1 }]) }],
  ['dates and patterns', [new Date(5), /x/g]],
  [
    'binary data',
    [Buffer.from('ab'), new Uint16Array([1, 2]), new DataView(new ArrayBuffer(2)), new ArrayBuffer(3), new BigInt64Array([1n])],
  ],
  ['an error', Object.assign(new TypeError('x', { cause: new Error('y') }), { code: 'E', details: { a: 1 } })],
  ['an AggregateError', new AggregateError([new Error('a')], 'all')],
  ['an instance of a class', new Registration('a')],
  ['a subclass of Map', new Tagged([['a', [1]]])],
  ['a cycle', cyclic],
  ['a URL', { url: new URL('http://a/?b'), query: new URLSearchParams('a=1') }],
])('%s is copied whole', (_, value) => {
  const copy = snapshot(value);
  expect(copy).not.toBe(value);
  expect(isDeepStrictEqual(copy, value)).toBe(true);
  expect(formatKey(copy)).toBe(formatKey(value));
});

it('nothing of the copy changes with the value', () => {
  const value = {
    plain: { id: 'a' },
    list: [{ id: 'a' }],
    map: new Map([['k', { id: 'a' }]]),
    set: new Set([{ id: 'a' }]),
    at: new Date(0),
    bytes: Buffer.from('a'),
    instance: new Registration('a'),
    error: Object.assign(new Error('a'), { details: { id: 'a' } }),
    query: new URLSearchParams('id=a'),
    [symbol]: { id: 'a' },
  };
  const copy = snapshot(value);
  const key = formatKey(copy);
  value.plain.id = value.list[0]!.id = value.map.get('k')!.id = [...value.set][0]!.id = 'b';
  value.at.setTime(1);
  value.bytes[0] = 1;
  value.instance.tags.push('b');
  value.error.message = 'b';
  value.error.details.id = 'b';
  value.query.set('id', 'b');
  value[symbol].id = 'b';
  expect(formatKey(copy)).toBe(key);
});

it('keeps the class of an instance without constructing one', () => {
  const value = new Registration('a');
  const { made } = Registration;
  const copy = snapshot({ value }).value;
  expect(copy).toBeInstanceOf(Registration);
  expect(String(copy)).toBe('a');
  expect(Registration.made).toBe(made);
});

it('keeps cycles, and objects that are in two places, as they are', () => {
  const copy = snapshot(cyclic);
  expect(copy.self).toBe(copy);
  expect(copy.again).toBe(copy.list);
});

it('what cannot be copied stays the very same', () => {
  const value = {
    fn: () => 1,
    symbol,
    secret: new Private(),
    promise: Promise.resolve(),
    signal: new AbortController().signal,
    weak: new WeakMap(),
    shared: new Uint8Array(new SharedArrayBuffer(1)),
  };
  const copy = snapshot(value);
  expect(copy).not.toBe(value);
  for (const [name, part] of Object.entries(copy)) expect(part).toBe(value[name as never]);
  expect(copy.secret.id()).toBe(1);
});

it.each<[string, string]>([
  ['a colour', "class A { color = '#fff'; }"],
  ['a comment', 'class A { /* as in #12 */ id = 1; // #13\n }'],
  ['a template and a pattern', 'class A { id = 1; label() { return `#${this.id}`.replace(/[#]/, "#x"); } }'],
  ['a static field', 'class A { static #made = 0; id = ++A.#made; static get #all() { return A.#made; } }'],
])('%s in the source of a class is no private state', (_name, source) => {
  const [value, equal] = (0, eval)(
    `${source}; [Object.assign(new A(), { id: 1 }), Object.assign(new A(), { id: 1 })]`,
  ) as object[];
  expect(snapshot(value)).not.toBe(value);
  expect(snapshot(value)).toEqual(value);
  expect(formatKey(value)).toBe(formatKey(equal));
});

it.each<[string, string]>([
  ['a private field', 'class A { static #a = 1; #b = 2; get() { return this.#b + A.#a; } }'],
  ['a private method', 'class A { #é() { return 1; } get() { return this.#é(); } }'],
  ['a private field after what cannot be read', 'class A { is(a) { if (a) /[`]/.test(a); } #b = 2; get() { return this.#b; } }'],
  ['what TypeScript makes of one', 'class A { get() { return __classPrivateFieldGet(this, _A_x, "f"); } }'],
  ['what esbuild makes of one', 'class A { get() { return __privateGet(this, _x); } }'],
  ['what esbuild makes of a private method', 'class A { get() { return __privateMethod(this, _A, m_fn).call(this); } }'],
  ['what Babel makes of one', 'class A { get() { return _classPrivateFieldGet2(_x, this); } }'],
  ['what SWC makes of one', 'class A { get() { return _class_private_field_get(this, _x); } }'],
])('%s keeps an instance the very same', (_name, source) => {
  const value = (0, eval)(`${source}; Object.assign(new A(), { id: 1 })`) as object;
  expect(snapshot(value)).toBe(value);
});

it('the cost goes with what is there, not with holes or with the places of one object', () => {
  const long: unknown[] = [1, , 2]; // eslint-disable-line no-sparse-arrays -- prettier-ignore
  long[2 ** 32 - 2] = { last: true };
  const copied = snapshot(long);
  expect([copied.length, Object.keys(copied)]).toEqual([2 ** 32 - 1, ['0', '2', '4294967294']]);
  expect(copied.at(-1)).toEqual({ last: true });
  let tree: unknown[] = [];
  for (let i = 0; i < 64; i++) tree = [tree, tree];
  const [left, right] = snapshot(tree);
  expect(left).toBe(right);
});

it('nesting beyond every limit does not exhaust the stack', () => {
  let deep: unknown = {};
  for (let i = 0; i < 100_000; i++) deep = { deep };
  expect(snapshot(deep)).toMatchObject({ deep: { deep: {} } });
});

it('what a getter throws is thrown', () => {
  const value = {
    get a(): never {
      throw new Error('no');
    },
  };
  expect(() => snapshot(value)).toThrow('no');
});
