import { execFileSync } from 'node:child_process';
import { inspect } from 'node:util';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { differingPaths, fingerprint, partsOf } from '../src/identity';

class Logger {
  level = Math.random();
}

const cycle = (value: number) => {
  const object: Record<string, unknown> = { value };
  object.self = { list: [object] };
  return object;
};
const throwing = {
  get broken(): never {
    throw new Error('not to be read');
  },
};
const revoked = () => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
};
const hostile = () =>
  new Proxy([], {
    get: () => {
      throw new Error('not to be read');
    },
    getPrototypeOf: () => {
      throw new Error('not to be asked');
    },
  });

describe('two lists of arguments have the same fingerprint', () => {
  test.each<[string, unknown[], unknown[]]>([
    ['whatever the order of properties', [{ a: 1, b: { c: 2, d: 3 } }], [{ b: { d: 3, c: 2 }, a: 1 }]],
    ['with other functions', [{ a: 1, on: () => 1 }], [{ a: 1, on: () => 2 }]],
    ['with a function or without', [{ a: 1, on: () => 1 }], [{ a: 1 }]],
    ['with undefined or nothing', [{ a: 1, b: undefined }], [{ a: 1 }]],
    ['with another symbol', [{ a: Symbol('a') }], [{ a: Symbol('b'), [Symbol('c')]: 1 }]],
    ['with another instance of a class', [{ a: [new Logger()] }], [{ a: [new Logger()] }]],
    ['with an instance or without', [{ a: new Logger() }], [{}]],
    ['with an instance of a class that extends Map', [new (class extends Map<number, number> {})([[1, 2]])], [new Logger()]],
    ['with 0 and -0', [0], [-0]],
    ['with NaN', [NaN], [NaN]],
    ['with objects that have no prototype', [{ a: 1 }], [Object.assign(Object.create(null), { a: 1 })]],
    ['with objects of another context', [{ a: [1, /x/g, new Date(5), new Map([[1, 2]]), new Set([3])] }], runInNewContext('[{ a: [1, /x/g, new Date(5), new Map([[1, 2]]), new Set([3])] }]')], // prettier-ignore
    ['with a Map in another order', [new Map([['a', 1], ['b', 2]])], [new Map([['b', 2], ['a', 1]])]], // prettier-ignore
    ['with a Set in another order', [new Set([{ a: 1 }, 2])], [new Set([2, { a: 1 }])]],
    ['with an entry of a Map that is left out', [new Map<unknown, unknown>([['a', 1], [() => 1, 2], ['c', () => 3]])], [new Map([['a', 1]])]], // prettier-ignore
    ['with equal cycles', [cycle(1)], [cycle(1)]],
    ['with one object twice, or two that are equal', [Array(2).fill({ a: 1 })], [[{ a: 1 }, { a: 1 }]]],
    ['with a getter that throws, or nothing', [throwing], [{}]],
    ['with a proxy, a revoked one, or nothing', [{ a: hostile(), b: 1 }], [{ b: 1, c: revoked() }]],
    ['with a proxy as prototype', [{ a: Object.create(hostile()) }], [{}]],
    ['with a hole or undefined', [[, 1]], [[undefined, 1]]], // eslint-disable-line no-sparse-arrays
  ])('%s', (_, some, others) => {
    expect(fingerprint(some)).toBe(fingerprint(others));
    expect(differingPaths(others, Buffer.from('salt'), partsOf(some, Buffer.from('salt')))).toEqual([]);
  });
});

describe('two lists of arguments differ', () => {
  test.each<[string, unknown, unknown, string]>([
    ['in a string', { server: 'a' }, { server: 'b' }, '[0].server'],
    ['in a secret deep inside', { credentials: { accessKey: 'a' } }, { credentials: { accessKey: 'b' } }, '[0].credentials.accessKey'], // prettier-ignore
    ['in the type of a value', { port: 1 }, { port: '1' }, '[0].port'],
    ['in null and undefined', { a: null, b: 1 }, { a: undefined, b: 1 }, '[0].a'],
    ['in null and what is left out, in an array', [null], [() => 1], '[0][0]'],
    ['in a BigInt', { a: 1n }, { a: 2n }, '[0].a'],
    ['in a BigInt and a number', { a: 1n }, { a: 1 }, '[0].a'],
    ['in NaN', { a: NaN }, { a: null }, '[0].a'],
    ['in a Date', { a: new Date(1) }, { a: new Date(2) }, '[0].a'],
    ['in a RegExp', { a: /x/g }, { a: /x/i }, '[0].a'],
    ['in a Map', { a: new Map([[1, { b: 2 }]]) }, { a: new Map([[1, { b: 3 }]]) }, '[0].a'],
    ['in a Set', { a: new Set([1]) }, { a: new Set([2]) }, '[0].a'],
    ['in a Buffer', { a: Buffer.from('a') }, { a: Buffer.from('b') }, '[0].a'],
    ['in a typed array', { a: new Float64Array([1]) }, { a: new Float64Array([2]) }, '[0].a'],
    ['in an element', { a: [1, 2] }, { a: [1, 3] }, '[0].a[1]'],
    ['in the number of elements', { a: [1] }, { a: [1, 2] }, '[0].a[1]'],
    ['beside a cycle', cycle(1), cycle(2), '[0].value'],
    ['in a property called __proto__', JSON.parse('{"__proto__":1}'), JSON.parse('{"__proto__":2}'), '[0].__proto__'],
    ['in a name that is no identifier', { 'x-key"\n': 1 }, { 'x-key"\n': 2 }, '[0]["x-key\\"\\n"]'],
    ['in a long name', { ['n'.repeat(500)]: 1 }, { ['n'.repeat(500)]: 2 }, `[0]["${'n'.repeat(60)}…"]`],
    ['in an element of an empty name', { '': 1 }, { '': 2 }, '[0][""]'],
  ])('%s', (_, one, other, path) => {
    expect(fingerprint([one])).not.toBe(fingerprint([other]));
    const salt = Buffer.from('salt');
    expect(differingPaths([other], salt, partsOf([one], salt))).toEqual([path]);
    expect(differingPaths([one], salt, partsOf([other], salt))).toEqual([path]);
  });

  test('in having arguments at all', () => {
    expect(fingerprint([])).not.toBe(fingerprint([1]));
    expect(differingPaths([], Buffer.from('s'), partsOf([1], Buffer.from('s')))).toEqual(['[0]']);
  });
});

test('a fingerprint is the same in every process and for ever', () => {
  const program = `
    const { fingerprint } = require('./dist/src/identity');
    console.log(fingerprint([{ b: [1n, -0, NaN, /x/g], a: new Map([['k', new Date(0)]]), c: Buffer.from('x') }, 'text', () => 1]));
  `;
  const other = execFileSync(process.execPath, ['-e', program], { encoding: 'utf8', cwd: `${__dirname}/..` });
  const here = fingerprint([{ c: Buffer.from('x'), a: new Map([['k', new Date(0)]]), b: [1n, 0, NaN, /x/g] }, 'text', undefined]);
  expect(other.trim()).toBe(here);
  expect(here).toBe('3cfbed2dd9e5b9932de9dc792b908a33');
});

test('arguments of JSON differ in their fingerprint when, and only when, a path says so', () => {
  const salt = Buffer.from('salt');
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 3 }), fc.jsonValue({ maxDepth: 3 }), (one, other) => {
      const isSame = fingerprint([one]) === fingerprint([other]);
      expect(differingPaths([one], salt, partsOf([other], salt)).length === 0).toBe(isSame);
    }),
  );
});

test('anything at all has a fingerprint, the same twice', () => {
  const anything = fc.anything({ withBigInt: true, withDate: true, withMap: true, withSet: true, withTypedArray: true, withSparseArray: true, withNullPrototype: true, withBoxedValues: true }); // prettier-ignore
  fc.assert(
    fc.property(fc.array(anything), (args) => {
      expect(fingerprint(args)).toMatch(/^[0-9a-f]{32}$/);
      expect(fingerprint(args)).toBe(fingerprint(args));
    }),
  );
});

test('nothing of a proxy runs', () => {
  const traps: string[] = [];
  const all = new Proxy({}, { get: (_, trap) => void traps.push(String(trap)) });
  const proxy = new Proxy({ a: 1 }, all);
  expect(fingerprint([proxy, Object.create(proxy), { under: Object.create(Object.create(proxy) as object) }])).toMatch(/./);
  expect(traps).toEqual([]);
});

const chain = (length: number, end: unknown) => {
  let object = end;
  for (let i = 0; i < length; i += 1) object = { object };
  return object;
};

test('what is deeper than a hundred objects is left out', () => {
  expect(fingerprint([chain(90, 1)])).not.toBe(fingerprint([chain(90, 2)]));
  expect(fingerprint([chain(110, 1)])).toBe(fingerprint([chain(110, 2)]));
});

test('what is left out of too many values does not depend on their order', () => {
  const entries = Array.from({ length: 100_100 }, (_, i) => [`n${i}`, i]);
  const [some, others] = [entries, entries.toReversed()].map((each) => Object.fromEntries(each) as object);
  expect(fingerprint([some])).toBe(fingerprint([others]));
});

describe('nothing keeps a process busy', () => {
  const endless = (): object => ({
    get left() {
      return endless();
    },
    get right() {
      return endless();
    },
  });
  const lattice = () => {
    let object: unknown = 1;
    for (let i = 0; i < 60; i += 1) object = [object, object];
    return object;
  };
  const growing = new Set<object>();
  const growth = (): object => ({
    get more() {
      return growing.add(growth()).size;
    },
  });
  growing.add(growth());
  test.each<[string, unknown]>([
    ['getters that always give a new object', endless()],
    ['one object in a thousand places', lattice()],
    ['a long chain', chain(50_000, 1)],
    ['an array of four billion holes', Object.assign([], { length: 2 ** 32 - 1 })],
    ['a large Buffer', Buffer.alloc(32 * 1024 * 1024)],
    ['a Set that grows while it is read', growing],
    ['a large configuration', Object.fromEntries(Array.from({ length: 20_000 }, (_, i) => [`name${i}`, { host: `h${i}`, port: i }]))], // prettier-ignore
  ])('%s', (_, value) => {
    const before = process.cpuUsage();
    expect(fingerprint([value])).toMatch(/^[0-9a-f]{32}$/);
    const { user, system } = process.cpuUsage(before);
    expect((user + system) / 1_000).toBeLessThan(4_000);
  });
});

describe('what the leader tells', () => {
  const many = (count: number) =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`n${String(i).padStart(4, '0')}`, i]));
  const salt = Buffer.from('salt');

  test('holds no value, and nothing that is the same for another salt', () => {
    const [one, other] = ['a', 'b'].map((text) => partsOf([{ accessKey: 'sesame', port: 7777 }], Buffer.from(text)).toString());
    expect(one).toMatch(/accessKey/);
    expect(one).not.toMatch(/sesame|7777/);
    const digests = (text: string) => (JSON.parse(text) as { parts: string[][] }).parts.map(([, digest]) => digest);
    expect(digests(one!).filter((digest) => digests(other!).includes(digest))).toEqual([]);
  });

  test('is limited to 200 leaves, and says so', () => {
    const { parts, cut } = JSON.parse(partsOf([many(201)], salt).toString()) as { parts: unknown[]; cut: boolean };
    expect({ count: parts.length, cut }).toEqual({ count: 200, cut: true });
    expect(partsOf([many(200)], salt).toString()).toMatch(/"cut":false/);
  });

  test('is limited to 12 KiB, and says so', () => {
    const long = Object.fromEntries(Array.from({ length: 199 }, (_, i) => [`${i}${'é'.repeat(100)}`, i]));
    const parts = partsOf([long], salt);
    expect(parts.length).toBeLessThanOrEqual(12 * 1024);
    expect(parts.length).toBeGreaterThan(11 * 1024);
    expect(parts.toString()).toMatch(/"cut":true/);
  });

  test('leaves that were cut off do not count as differing', () => {
    expect(differingPaths([many(500)], salt, partsOf([many(500)], salt))).toEqual([]);
    const alike = Object.fromEntries([1, 2, 3, 4].map((i) => [`n0198${'n'.repeat(60)}${i}`, i]));
    expect(differingPaths([{ ...many(198), ...alike }], salt, partsOf([{ ...many(198), ...alike }], salt))).toEqual([]);
    expect(differingPaths([{ ...many(500), n0007: 'x' }], salt, partsOf([many(500)], salt))).toEqual(['[0].n0007']);
  });

  test('two long names that begin alike cannot swap their values', () => {
    const [a, b] = [`${'n'.repeat(60)}a`, `${'n'.repeat(60)}b`];
    expect(differingPaths([{ [a]: 1, [b]: 2 }], salt, partsOf([{ [a]: 2, [b]: 1 }], salt))).toEqual([
      `[0]["${'n'.repeat(60)}…"]`,
    ]);
  });

  test('ten differing paths are named, others counted', () => {
    const paths = differingPaths([many(13)], salt, partsOf([{}], salt));
    expect(paths).toHaveLength(11);
    expect(paths[0]).toBe('[0].n0000');
    expect(paths[10]).toBe('… and 3 more');
  });

  test.each<[string, string | Buffer]>([
    ['nothing', ''],
    ['no JSON', '{"parts":'],
    ['random bytes', Buffer.from([0xff, 0, 0xfe])],
    ['null', 'null'],
    ['another shape', '{"parts":{},"cut":false}'],
    ['no word about being cut', '{"parts":[]}'],
    ['entries of another shape', '{"parts":[["a"]],"cut":false}'],
    ['entries of another type', '{"parts":[["a",1]],"cut":false}'],
    ['a thousand brackets', '['.repeat(12_000)],
    ['more than is allowed', JSON.stringify({ parts: Array(2_000).fill(['path', 'digest']), cut: false })],
  ])('%s names no path', (_, parts) => {
    expect(differingPaths([{ a: 1 }], salt, Buffer.from(parts))).toEqual([]);
  });

  test('control characters of another process do not come into a path', () => {
    const parts = Buffer.from(JSON.stringify({ parts: [['\u001b[2J\n', 'digest']], cut: false }));
    expect(inspect(differingPaths([], salt, parts))).toBe(inspect(['\ufffd[2J\ufffd']));
  });
});
