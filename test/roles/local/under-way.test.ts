import { UnderWay } from '../../../src/roles/local/under-way';

it('ends each once, uses numbers again, and is not confused by who had a number before', () => {
  const calls = new UnderWay<string>();
  const [a, b] = [calls.begin('a'), calls.begin('b')];
  expect(calls.end(a, 'a')).toBe(true);
  expect(calls.end(a, 'a')).toBe(false);
  const c = calls.begin('c');
  expect(c).toBe(a);
  expect(calls.end(a, 'a')).toBe(false);
  expect(calls.endAll().sort()).toEqual(['b', 'c']);
  expect(calls.end(b, 'b')).toBe(false);
  expect(calls.endAll()).toEqual([]);
  expect(calls.begin('d')).toBe(0);
});
