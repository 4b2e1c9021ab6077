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
  ['everything', { versions: [1, 2], codecs: ['structured'], identity: 'x', nonce, proof }],
  ['the longest fields', { versions: [2], identity: 'i'.repeat(256), codecs: ['c'.repeat(64)], nonce: Buffer.alloc(64) }],
])('%s is read as it was written', (_name, hello) => {
  expect(readHello(onWire(hello))).toEqual(hello);
});

test.each<[string, unknown]>([
  ['nothing', undefined],
  ['null', null],
  ['a string', 'hello'],
  ['an array', [1, 2]],
  ['no versions', { codecs: ['structured'] }],
  ['versions that are no array', { versions: 2 }],
])('%s is no hello', (_name, value) => {
  expect(readHello(value)).toBeUndefined();
});

const encoded = nonce.toString('base64');

test.each<[string, object]>([
  ['codecs that are no array', { codecs: 'structured' }],
  ['an identity that is no text', { identity: 7 }],
  ['an empty identity', { identity: '' }],
  ['an identity that is too long', { identity: 'i'.repeat(257) }],
  ['a nonce that is no text', { nonce: [1, 2, 3] }],
  ['a nonce that is too short', { nonce: Buffer.alloc(15).toString('base64') }],
  ['a nonce that is too long', { nonce: Buffer.alloc(65).toString('base64') }],
  ['a nonce of a million characters', { nonce: 'A'.repeat(1_000_000) }],
  ['a nonce that is no base64', { nonce: `${encoded.slice(0, -3)}!==` }],
  ['a nonce with something behind it', { nonce: `${encoded} ` }],
  ['a proof that is too short', { proof: '' }],
  ['a field that is not known', { secret: encoded }],
])('%s counts as absent', (_name, fields) => {
  expect(readHello({ versions: [2], ...fields })).toEqual({ versions: [2] });
});

test('of lists, what is not of the right type or beyond 16 elements is left out', () => {
  const names = Array.from({ length: 20 }, (_, i) => `c${i}`);
  expect(readHello({ versions: [1, 'x', null, 2], codecs: [1, '', 'c'.repeat(65), ...names] })).toEqual({
    versions: [1, 2],
    codecs: names.slice(0, 13),
  });
});

test('nothing of it reaches a prototype', () => {
  const hello = readHello(JSON.parse('{"versions":[2],"__proto__":{"identity":"x"}}'));
  expect(hello).toEqual({ versions: [2] });
  expect(Object.getPrototypeOf(hello)).toBe(Object.prototype);
});
