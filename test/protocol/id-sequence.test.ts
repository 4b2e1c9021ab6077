import { IdSequence } from '../../protocol/id-sequence';
import { MAX_ID } from '../../protocol/message';

it('counts from 1', () => {
  const ids = new IdSequence();
  expect([ids.next(), ids.next(), ids.next()]).toEqual([1, 2, 3]);
});

it('goes from the largest id back to 1, past those that still wait', () => {
  const ids = new IdSequence(MAX_ID - 1);
  const waiting = new Set([1, 2, 4]);
  const isTaken = (id: number) => waiting.has(id);
  expect([ids.next(isTaken), ids.next(isTaken), ids.next(isTaken)]).toEqual([MAX_ID, 3, 5]);
});
