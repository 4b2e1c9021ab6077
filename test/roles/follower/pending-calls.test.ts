import { PendingCalls } from '../../../src/roles/follower/pending-calls';
import { ManualClock } from '../../../src/testing/manual-clock';

const setup = () => {
  const clock = new ManualClock();
  return { clock, calls: new PendingCalls(clock, (method) => new Error(`${method} expired`)) };
};

it('settles with the answer and leaves no timer behind when all are answered or expired', async () => {
  const { clock, calls } = setup();
  const answer = calls.add(1, 'get', 1000);
  calls.take(1)!.resolve(['value']);
  await expect(answer).resolves.toEqual(['value']);
  clock.advance(1000);
  expect(clock.pending).toBe(0);
});

it('expires each call at its own time, with one timer', async () => {
  const { clock, calls } = setup();
  const first = calls.add(1, 'first', 1000);
  clock.advance(600);
  const second = calls.add(2, 'second', 1000);
  expect(clock.pending).toBe(1);
  clock.advance(400);
  await expect(first).rejects.toThrow('first expired');
  expect(calls.isTaken(2)).toBe(true);
  clock.advance(600);
  await expect(second).rejects.toThrow('second expired');
  expect(calls.take(2)).toBeUndefined();
});

it('waits a little longer when this process did not run', async () => {
  const { clock, calls } = setup();
  const call = calls.add(1, 'get', 1000);
  clock.sleep(60_000);
  expect(calls.isTaken(1)).toBe(true);
  calls.take(1)!.resolve(['was in the socket buffer']);
  await expect(call).resolves.toEqual(['was in the socket buffer']);
});

it('fails all at once when no answer can come any more', async () => {
  const { clock, calls } = setup();
  const both = Promise.allSettled([calls.add(1, 'a', 1000), calls.add(2, 'b', 1000)]);
  calls.failAll((method) => new Error(`${method}: leader lost`));
  expect((await both).map((each) => (each as PromiseRejectedResult).reason.message)).toEqual([
    'a: leader lost',
    'b: leader lost',
  ]);
  expect(clock.pending).toBe(0);
});

it('ignores an answer that comes twice, late, or for an id of the same slot', async () => {
  const { clock, calls } = setup();
  const answer = calls.add(1, 'get', 1000);
  expect(calls.take(1 + 2 ** 20)).toBeUndefined();
  calls.take(1)!.resolve(['value']);
  expect(calls.take(1)).toBeUndefined();
  await expect(answer).resolves.toEqual(['value']);
  const late = calls.add(2, 'late', 1000);
  clock.advance(1000);
  await expect(late).rejects.toThrow('late expired');
  expect(calls.take(2)).toBeUndefined();
});

it('keeps thousands of calls at once, and expires them in the order in which they were made', async () => {
  const { clock, calls } = setup();
  const order: string[] = [];
  let last = 2 ** 30 - 500; // ids begin again at 1
  const settled: Promise<unknown>[] = [];
  for (let i = 0; i < 2_000; i++) {
    do last = last >= 2 ** 30 - 1 ? 1 : last + 1;
    while (calls.isTaken(last));
    settled.push(calls.add(last, String(i), 1000).catch((error: Error) => order.push(error.message)));
    if (i % 100 === 0) clock.advance(1);
  }
  clock.advance(1_000);
  await Promise.all(settled);
  expect(order).toHaveLength(2_000);
  const times = order.map((message) => Math.floor((parseInt(message) - 1) / 100));
  expect(times).toEqual(times.toSorted((a, b) => a - b));
});
