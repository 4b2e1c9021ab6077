// The runner keeps the rules of co, which is the reference here.

import co from 'co';
import { runGenerator } from '../src/run-generator';

/* eslint-disable require-yield -- some generators only return */
const owner = { name: 'owner' };
function* inner(): Generator<unknown, unknown> {
  return yield Promise.resolve(1);
}
const cases: [string, () => Generator<unknown, unknown>][] = [
  ['nothing', function* () { return undefined; }],
  ['a value', function* () { return 1; }],
  ['a promise that is returned', function* () { return Promise.resolve(1); }],
  ['promises', function* () { return [yield Promise.resolve(1), yield Promise.resolve(2)]; }],
  ['a rejection that is caught', function* () { try { yield Promise.reject(new Error('x')); } catch (error) { return (error as Error).message; } return undefined; }],
  ['a rejection that is not', function* () { yield Promise.reject(new Error('x')); }],
  ['an exception', function* () { yield Promise.resolve(); throw new Error('x'); }],
  ['a thunk', function* () { return yield (callBack: (error: null, value: number) => void) => setImmediate(callBack, null, 1); }],
  ['a thunk with two results', function* () { return yield (callBack: (...results: unknown[]) => void) => callBack(null, 1, 2); }],
  ['a thunk that fails', function* () { yield (callBack: (error: Error) => void) => callBack(new Error('x')); }],
  ['an array', function* () { return yield [Promise.resolve(1), 2, null, [Promise.resolve(3)]]; }],
  ['an object', function* () { return yield { a: Promise.resolve(1), b: 2, c: { d: Promise.resolve(3) } }; }],
  ['a generator', function* () { return yield inner(); }],
  ['a generator function', function* () { return yield inner; }],
  ['a number', function* () { return yield 1; }],
  ['nothing at all', function* () { return yield undefined; }],
  ['a class instance', function* () { return yield new Date(0); }],
]; // prettier-ignore
/* eslint-enable */

it.each(cases)('%s', async (_, generator) => {
  const reference: () => Promise<unknown> = co.wrap(generator);
  const expected = await Promise.allSettled([reference.call(owner)]);
  const found = await Promise.allSettled([runGenerator(generator.call(owner), owner)]);
  expect(found).toEqual(expected);
});

it('thunks and generator functions run with the owner as this', async () => {
  const seen = await runGenerator(
    (function* (): Generator<unknown, unknown> {
      const thunk = yield function (this: unknown, callBack: (error: null, value: unknown) => void) {
        callBack(null, this);
      };
      const generator = yield function* (this: unknown): Generator<unknown, unknown> {
        return yield Promise.resolve(this);
      };
      return [thunk, generator];
    })(),
    owner,
  );
  expect(seen).toEqual([owner, owner]);
});
