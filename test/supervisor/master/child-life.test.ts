import { begun, exited, hasExited, hasTask, ordered, ordersOf, type ChildLife } from '../../../src/supervisor/master/child-life';

const waiting: ChildLife = { phase: 'waiting' };
const working = begun(waiting);
const exit = { code: 0, signal: null };

test('a child gets its task once, and only while it waits', () => {
  expect(working).toEqual({ phase: 'working' });
  expect(begun(working)).toBe(working);
  const leaving = ordered(waiting, 'kill');
  expect(begun(leaving)).toBe(leaving);
});

test.each<[string, ChildLife, boolean]>([
  ['waits', waiting, false],
  ['works', working, true],
  ['was told to go before it had a task', ordered(waiting, 'stop'), false],
  ['was told to go', ordered(working, 'stop'), true],
  ['was told twice', ordered(ordered(working, 'stop'), 'kill'), true],
  ['has exited', exited(working, exit), false],
])('a child that %s: whether it has a task', (_, life, expected) => {
  expect(hasTask(life)).toBe(expected);
});

test('orders add up, and stay after the exit', () => {
  expect([...ordersOf(working)]).toEqual([]);
  const told = ordered(ordered(working, 'stop'), 'kill');
  expect([...ordersOf(told)]).toEqual(['stop', 'kill']);
  expect([...ordersOf(exited(told, exit))]).toEqual(['stop', 'kill']);
});

test('an order after the exit brings nobody back', () => {
  const late = ordered(exited(working, exit), 'stop');
  expect(late.phase).toBe('exited');
  expect([...ordersOf(late)]).toEqual(['stop']);
});

test('the first exit counts', () => {
  const gone = exited(working, exit);
  expect(hasExited(gone)).toBe(true);
  expect(exited(gone, { code: 1, signal: null })).toBe(gone);
});
