// Where things are in a JSON text.

import { JsonError, keyOffsets, pathKey } from '../../../src/cli/configuration/json-places';

test('each key is found by its path, also where a name occurs more than once', () => {
  const text = '{ "a": 1,\n "b": { "a": [true, { "a": "\\"x\\" }" }] } }';
  const offsets = keyOffsets(text);
  expect([...offsets.keys()]).toEqual([['a'], ['b'], ['b', 'a'], ['b', 'a', '1', 'a']].map(pathKey));
  expect([...offsets.values()].map((offset) => text.slice(offset, offset + 3))).toEqual(['"a"', '"b"', '"a"', '"a"']);
});

test.each([
  ['', 0, 'a value is expected here, but the file ends'],
  ['{', 1, 'a key in double quotes is expected here, but the file ends'],
  ['{ "a" 1 }', 6, `':' is expected here, but there is "1"`],
  ['{ "a": 1, }', 10, 'a key in double quotes is expected here, but there is "}"'],
  ['{ "a": 1 "b": 2 }', 9, `',' or '}' is expected here, but there is "\\""`],
  ['{ a: 1 }', 2, 'there is "a", which is no JSON'],
  ["{ 'a': 1 }", 2, `there is "'", which is no JSON`],
  ['{ "a": [1, 2 }', 13, `',' or ']' is expected here, but there is "}"`],
  ['{ "a": 01 }', 8, `',' or '}' is expected here, but there is "1"`],
  ['{ "a": 1 } // text', 11, 'there is "/", which is no JSON'],
  ['{} {}', 3, 'the end is expected here, but there is "{"'],
  ['{ "a": "b\n" }', 7, 'there is "\\"", which is no JSON'],
])('%j is no JSON at %i', (text, offset, message) => {
  expect(() => keyOffsets(text)).toThrow(expect.objectContaining({ offset, message }));
  expect(() => JSON.parse(text) as unknown).toThrow();
  expect(() => keyOffsets(text)).toThrow(JsonError);
});

test('a mark of the byte order is no mistake', () => {
  expect(keyOffsets('\ufeff{"a":1}').get(pathKey(['a']))).toBe(2);
});
