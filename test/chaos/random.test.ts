// The random numbers of chaos/, which a seed repeats.

import { parseArguments } from '../../chaos/arguments';
import { Random } from '../../chaos/random';

const numbers = (seed: number): number[] => {
  const random = new Random(seed);
  return Array.from({ length: 1_000 }, () => random.next());
};

it('a seed gives the same numbers again, another one others', () => {
  expect(numbers(7)).toEqual(numbers(7));
  expect(numbers(8)).not.toEqual(numbers(7));
});

it('they fill the interval', () => {
  const all = numbers(1);
  expect(Math.min(...all)).toBeGreaterThanOrEqual(0);
  expect(Math.min(...all)).toBeLessThan(0.02);
  expect(Math.max(...all)).toBeGreaterThan(0.98);
  expect(Math.max(...all)).toBeLessThan(1);
});

it('sizes stay within their limits, and half of them are below the geometric middle', () => {
  const random = new Random(3);
  const sizes = Array.from({ length: 1_000 }, () => random.size(10, 100_000));
  expect(Math.min(...sizes)).toBeGreaterThanOrEqual(10);
  expect(Math.max(...sizes)).toBeLessThanOrEqual(100_000);
  const small = sizes.filter((size) => size < 1_000).length;
  expect(small).toBeGreaterThan(400);
  expect(small).toBeLessThan(600);
});

it('the command line gives a seed when it has none, and refuses what is no number', () => {
  expect(parseArguments(['--seed', '0', '--seconds', '5'])).toMatchObject({ seed: 0, seconds: 5, processes: 8, verbose: false });
  expect(Number.isInteger(parseArguments([]).seed)).toBe(true);
  expect(() => parseArguments(['--seconds', 'x'])).toThrow("--seconds must be a whole number from 1 to 86400, but is 'x'.");
  expect(() => parseArguments(['--loud'])).toThrow(/see --help/);
});
