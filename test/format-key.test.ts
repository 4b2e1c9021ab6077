import fc from 'fast-check';
import { formatKey } from '../src/format-key';

it.each([
  ['a string', 'key', '"key"'],
  ['undefined', undefined, 'undefined'],
  ['null', null, 'null'],
  ['sorted names', { b: 1, a: { d: [2, 1], c: null } }, '{"a":{"c":null,"d":[2,1]},"b":1}'],
  ['absent and undefined alike', { a: undefined, b: 1 }, '{"b":1}'],
  ['sorted names of plain fields', { a: 'x', b: -0, c: true }, '{"a":"x","b":0,"c":true}'],
  ['numeric names', { 10: 'a', 9: 'b' }, '{"9":"b","10":"a"}'],
  ['a field that JSON would lose', { a: 1, b: Infinity }, '{"a":1,"b":{"$number":"Infinity"}}'],
  ['a toJSON of its own', { a: 1, toJSON: () => ({ z: 1, b: 2 }) }, '{"b":2,"z":1}'],
  ['a date', { at: new Date(0) }, '{"at":"1970-01-01T00:00:00.000Z"}'],
  ['a Map in any order', new Map([['b', 1], ['a', 2]]), '{"$map":[["a",2],["b",1]]}'], // prettier-ignore
  ['a Set in any order', new Set(['b', 'a']), '{"$set":["a","b"]}'],
  ['a BigInt', 10n, '{"$bigint":"10"}'],
  ['NaN', NaN, '{"$number":"NaN"}'],
  ['a RegExp', /x/g, '{"$regexp":"/x/g"}'],
  ['a symbol', Symbol('s'), '{"$symbol":"Symbol(s)"}'],
])('%s', (_, registration, key) => {
  expect(formatKey(registration)).toBe(key);
});

it('a cycle does not throw', () => {
  const cycle: Record<string, unknown> = { a: 1 };
  cycle.self = { cycle };
  expect(formatKey(cycle)).toBe('{"a":1,"self":{"cycle":"[Circular]"}}');
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
