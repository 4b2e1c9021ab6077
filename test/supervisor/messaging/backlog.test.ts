import { Backlog } from '../../../src/supervisor/messaging/backlog';

test('a channel is full with 100 messages, and takes more when half of them have left', () => {
  const drained = jest.fn();
  const backlog = new Backlog(drained);
  const left = Array.from({ length: 100 }, () => backlog.add());
  expect(backlog.isFull).toBe(true);
  for (const each of left.slice(0, 49)) each();
  left[0]!(); // once
  expect([backlog.isFull, drained.mock.calls.length]).toEqual([true, 0]);
  left[49]!();
  expect([backlog.isFull, drained.mock.calls.length]).toEqual([false, 1]);
});

test('a channel is overfull with 1000', () => {
  const backlog = new Backlog(() => undefined);
  for (let i = 0; i < 999; i++) backlog.add();
  expect(backlog.isOverfull).toBe(false);
  backlog.add();
  expect(backlog.isOverfull).toBe(true);
});
