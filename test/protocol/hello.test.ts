import { readHello, writeHello } from '../../protocol/hello';
import type { Hello } from '../../protocol/message';

const onWire = (hello: Hello): unknown => JSON.parse(JSON.stringify(writeHello(hello)));
const nonce = Buffer.from('0123456789abcdef');
const proof = Buffer.alloc(32, 0xff);

test('a hello of version 1 is written as it always was', () => {
  expect(JSON.stringify(writeHello({ versions: [1] }))).toBe('{"versions":[1]}');
});

test.each<[string, Hello]>([
  ['the least', { versions: [] }],
  ['everything', { versions: [1, 2], nonce, proof, methods: '1f', joinKeys: true, looks: true }],
  ['the longest fields', { versions: Array<number>(16).fill(2), nonce: Buffer.alloc(64), proof: Buffer.alloc(64) }],
  ['the shortest fields', { versions: [2], nonce: Buffer.alloc(16), proof: Buffer.alloc(16) }],
])('%s is read as it was written', (_name, hello) => {
  expect(readHello(onWire(hello))).toEqual(hello);
});

test.each<[string, unknown]>([
  ['nothing', undefined],
  ['null', null],
  ['a string', 'hello'],
  ['an array', [1, 2]],
  ['no versions', { nonce: nonce.toString('base64') }],
  ['versions that are no array', { versions: 2 }],
])('%s is no hello', (_name, value) => {
  expect(readHello(value)).toBeUndefined();
});

const encoded = nonce.toString('base64');

test.each<[string, object]>([
  ['a nonce that is no text', { nonce: [1, 2, 3] }],
  ['a nonce that is too short', { nonce: Buffer.alloc(15).toString('base64') }],
  ['a nonce that is too long', { nonce: Buffer.alloc(65).toString('base64') }],
  ['a nonce of a million characters', { nonce: 'A'.repeat(1_000_000) }],
  ['a nonce that is no base64', { nonce: `${encoded.slice(0, -3)}!==` }],
  ['a nonce with something behind it', { nonce: `${encoded} ` }],
  ['a proof that is too short', { proof: '' }],
  ['methods that are no text', { methods: ['get'] }],
  ['methods without a text', { methods: '' }],
  ['a fingerprint of methods that is too long', { methods: 'a'.repeat(65) }],
  ['keys of a join that are read perhaps', { joinKeys: 1 }],
  ['keys of a join that are not read', { joinKeys: false }],
  ['looks that are answered perhaps', { looks: 'yes' }],
  ['a field that is not known', { secret: encoded }],
  ['what hellos once had', { codecs: ['structured'], identity: 'sha256:1f' }],
])('%s counts as absent', (_name, fields) => {
  expect(readHello({ versions: [2], ...fields })).toEqual({ versions: [2] });
});

test('of the versions, what is no number or beyond 16 elements is left out', () => {
  const many = Array.from({ length: 20 }, (_, i) => i);
  expect(readHello({ versions: ['x', null, [2], ...many] })).toEqual({ versions: many.slice(0, 13) });
});

test('nothing of it reaches a prototype', () => {
  const hello = readHello(JSON.parse('{"versions":[2],"__proto__":{"nonce":"x"}}'));
  expect(hello).toEqual({ versions: [2] });
  expect(Object.getPrototypeOf(hello)).toBe(Object.prototype);
});
