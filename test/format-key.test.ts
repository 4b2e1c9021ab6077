import fc from 'fast-check';
import { formatKey, isLocalKey, localPart } from '../src/format-key';

it.each([
  ['a string', 'key', '"key"'],
  ['undefined', undefined, 'undefined'],
  ['null', null, 'null'],
  ['sorted names', { b: 1, a: { d: [2, 1], c: null } }, '{"a":{"c":null,"d":[2,1]},"b":1}'],
  ['absent and undefined alike', { a: undefined, b: 1 }, '{"b":1}'],
  ['sorted names of plain fields', { a: 'x', b: -0, c: true }, '{"a":"x","b":0,"c":true}'],
  ['numeric names', { 10: 'a', 9: 'b' }, '{"9":"b","10":"a"}'],
  ['a field that JSON would lose', { a: 1, b: Infinity }, '{"a":1,"b":Infinity}'],
  ['a toJSON of its own', { a: 1, toJSON: () => ({ z: 1, b: 2 }) }, '{"b":2,"z":1}'],
  ['a date', { at: new Date(0) }, '{"at":Date(0)}'],
  ['a Map in any order', new Map([['b', 1], ['a', 2]]), 'Map([["a",2],["b",1]])'], // prettier-ignore
  ['a Set in any order', new Set(['b', 'a']), 'Set(["a","b"])'],
  ['a BigInt', -10n, '-0xan'],
  ['NaN', NaN, 'NaN'],
  ['a RegExp', /x/g, 'RegExp(["x","g"])'],
  ['a registered symbol', Symbol.for('s'), 'Symbol.for("s")'],
  ['holes', [, 1, , ,], '[hole*1,1,hole*2]'], // eslint-disable-line no-sparse-arrays -- prettier-ignore
  ['short binary data', Buffer.from('ab'), 'Buffer(6162)'],
  ['an error without its stack', new TypeError('x', { cause: 1 }), 'Error({"cause":1,"message":"x","name":"TypeError"})'],
  ['an object without a prototype', Object.assign(Object.create(null), { b: 1, a: 2 }), '{"a":2,"b":1}'],
])('%s', (_, registration, key) => {
  expect(formatKey(registration)).toBe(key);
});

it('a cycle does not throw', () => {
  const cycle: Record<string, unknown> = { a: 1 };
  cycle.self = { cycle };
  expect(formatKey(cycle)).toBe('{"a":1,"self":{"cycle":^2}}');
});

class Plain {
  constructor(public id: string) {}
}

class Hidden {
  #id: string;

  constructor(id: string) {
    this.#id = id;
  }

  get id(): string {
    return this.#id;
  }
}

class NotEnumerable {
  constructor(value: number) {
    Object.defineProperty(this, 'value', { value });
  }
}

const cycle: Record<string, unknown> = {};
cycle.c = cycle;

/** Registrations that are all different, each with others that could be confused with the first. */
const DIFFERENT: readonly (readonly unknown[])[] = [
  [undefined, null, 'undefined', 'null', () => 1, () => 1, Symbol('s'), Symbol('s')],
  [[undefined], [null], [,], [, ,], [() => 1], [Symbol('s')], [[]], []], // eslint-disable-line no-sparse-arrays -- prettier-ignore
  [
    new Error('a'),
    new Error('b'),
    new TypeError('a'),
    new Error('a', { cause: 1 }),
    {},
    new AggregateError([1], 'a'),
    new AggregateError([2], 'a'),
  ],
  [
    ...[1, 2].map((n) => new Uint8Array([n]).buffer),
    new DataView(new Uint8Array([1]).buffer),
    new Uint8Array([1]),
    new Int8Array([1]),
    Buffer.from([1]),
  ],
  [Buffer.alloc(100), Buffer.alloc(101), Buffer.from('a'), { type: 'Buffer', data: [97] }, { 0: 97 }],
  [{ at: new Date(0) }, { at: new Date(0).toISOString() }, { at: 'Date(0)' }, { at: new Date(NaN) }, { at: null }, { at: 0 }],
  [1n, { $bigint: '1' }, 1, '1', '0x1n', -1n],
  [NaN, { $number: 'NaN' }, null, 'NaN', Infinity, -Infinity],
  [new Map([[1, 2]]), { $map: [[1, 2]] }, [[1, 2]], new Set([[1, 2]]), new Map([['1', 2]])],
  [/a/, /a/g, { $regexp: '/a/' }, '/a/'],
  [cycle, { c: '[Circular]' }, { c: '^1' }, { c: cycle }],
  [new Number(5), new Number(6), new String('5'), Object(5n)],
  [new URLSearchParams('a=1'), new URLSearchParams('b=2'), 'a=1', {}],
  ['\ud800', '\ud801', '\ufffd'],
  [{ [Symbol('a')]: 1 }, { [Symbol('b')]: 1 }, { [Symbol.for('a')]: 1 }, { [Symbol.for('a')]: 2 }, {}],
  [new Hidden('a'), new Hidden('b'), new NotEnumerable(1), new NotEnumerable(2), {}],
  [Promise.resolve(1), Promise.resolve(2), new WeakMap(), new AbortController().signal, (function* () {})(), {}],
  [{ '': 1 }, { a: 1 }, { 'a":1,"b': 1 }, { a: 1, b: 1 }, [1]],
];

it.each(DIFFERENT)('never makes two registrations one: %p …', (...registrations) => {
  const keys = registrations.map((registration) => formatKey(registration));
  expect(new Set(keys).size).toBe(keys.length);
});

it('never makes one registration two', () => {
  const fn = (): number => 1;
  const hidden = new Hidden('a');
  const same: [unknown, unknown][] = [
    [0, -0],
    [{ a: undefined }, {}],
    [new Number(5), 5],
    [new String('x'), 'x'],
    [new Plain('a'), { id: 'a' }],
    [new URL('http://a/'), 'http://a/'],
    [new URLSearchParams('a=1'), new URLSearchParams('a=1')],
    [new Error('a'), new Error('a')],
    [new Map([[1, 2], [3, 4]]), new Map([[3, 4], [1, 2]])], // prettier-ignore
    [{ fn }, { fn }],
    [
      { [Symbol.for('a')]: 1, [Symbol.for('b')]: 2 },
      { [Symbol.for('b')]: 2, [Symbol.for('a')]: 1 },
    ],
    [[hidden], [hidden]],
    [Buffer.alloc(1000), Buffer.alloc(1000)],
    [new Uint16Array([1, 2]), new Uint16Array([0, 1, 2]).subarray(1)],
  ];
  for (const [a, b] of same) expect(formatKey(a)).toBe(formatKey(b));
});

it('says where a registration holds what is known in one process only', () => {
  expect(isLocalKey(formatKey({ id: '\u001a1' }))).toBe(false);
  for (const [registration, part] of [
    [() => 1, 'a function'],
    [{ filters: [1, { test: () => 1 }] }, 'a function at filters[1].test'],
    [new Map([['a', new Hidden('a')]]), 'an object whose state cannot be read (Hidden) at [0][1]'],
    [{ [Symbol('a')]: 1 }, 'a symbol'],
  ] as const) {
    expect(isLocalKey(formatKey(registration))).toBe(true);
    expect(localPart(registration)).toBe(part);
  }
});

describe('a value that few bytes carry', () => {
  it('has a short key although its array is long: holes are counted, not visited', () => {
    const sparse: unknown[] = [];
    sparse[2 ** 32 - 2] = 'last';
    sparse[7] = 'first';
    expect(formatKey({ sparse })).toBe('{"sparse":[hole*7,"first",hole*4294967286,"last"]}');
  });

  it('has no key when one object is in endlessly many places', () => {
    const doubled = (bottom: unknown, wrap: (x: unknown) => unknown): unknown => {
      let value = bottom;
      for (let i = 0; i < 64; i++) value = wrap(value);
      return value;
    };
    const root: Record<string, unknown> = {};
    root.tree = doubled(root, (x) => [x, x]);
    const trees = [
      doubled([], (x) => [x, x]),
      doubled('x', (x) => ({ a: x, b: x })),
      doubled(new Date(), (x) => new Map([[1, x], [2, x]])), // prettier-ignore
      root,
    ];
    for (const tree of trees)
      expect(() => formatKey(tree)).toThrow(/^one object or name in so many places at .* cannot be part of it$/);
  });

  it('has no key when one long name is in very many places', () => {
    const name = 'n'.repeat(100_000);
    expect(() => formatKey(Array.from({ length: 10_000 }, () => ({ [name]: 1 })))).toThrow('in so many places');
  });

  it('has no key when it is nested too deeply', () => {
    let deep: unknown = {};
    for (let i = 0; i < 1_001; i++) deep = { deep };
    expect(() => formatKey(deep)).toThrow('what is nested deeper than 1000 levels at deep.deep.');
  });
});

it('a long registration has its key', () => {
  const records = Array.from({ length: 20_000 }, (_, id) => ({ description: 'x', identification: id, nested: [null, true] }));
  expect(formatKey(records)).toBe(JSON.stringify(records));
  const same = { same: 'x'.repeat(1_000) };
  expect(formatKey([same, same])).toBe(JSON.stringify([same, same]));
});

it('the same object twice is no cycle', () => {
  const same = { x: 1 };
  expect(formatKey([same, same])).toBe('[{"x":1},{"x":1}]');
});

it('a property called __proto__ is an ordinary one', () => {
  expect(formatKey(JSON.parse('{"__proto__":{"a":1},"b":2}'))).toBe('{"__proto__":{"a":1},"b":2}');
});

it('is what a leader computes from the JSON that it reads', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (registration) => {
      const key = formatKey(registration);
      expect(formatKey(JSON.parse(key))).toBe(key);
      expect(JSON.stringify(JSON.parse(key))).toBe(key);
    }),
  );
});

it('does not depend on the order of properties', () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (registration) => {
      const reversed = Object.fromEntries(Object.entries(registration).reverse());
      expect(formatKey(reversed)).toBe(formatKey(registration));
    }),
  );
});
