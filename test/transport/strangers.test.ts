// How many connections may be strangers, and who has to go.

import type { Connection } from '../../src/transport/connection';
import { Strangers, strangersFor } from '../../src/transport/strangers';

const connection = (name: string): Connection => name as unknown as Connection;

test.each([
  [undefined, 256],
  [1_048_576, 256],
  [1_024, 256],
  [120, 30],
  [3, 1],
])('with a limit of %s open files there are %s strangers at most', (openFiles, count) => {
  expect(strangersFor(openFiles)).toBe(count);
});

test('the oldest stranger goes, and those who have proved themselves are none', () => {
  const strangers = new Strangers(() => 2);
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map(connection) as [Connection, Connection, Connection, Connection];
  expect([a, b].flatMap((each) => strangers.add(each))).toEqual([]);
  strangers.delete(a); // proven
  expect(strangers.add(c)).toEqual([]);
  expect(strangers.add(d)).toEqual([b]);
  expect(strangers.add(a)).toEqual([c]);
});
