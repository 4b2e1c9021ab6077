import { PendingCalls } from '../../src/roles/pending-calls';
import { FakeClock } from '../support/fake-clock';

const setup = () => {
  const clock = new FakeClock();
  return { clock, calls: new PendingCalls(clock, 1000, (method) => new Error(`${method} expired`)) };
};

it('settles with the answer and leaves no timer behind when all are answered or expired', async () => {
  const { clock, calls } = setup();
  const answer = calls.add(1, 'get');
  calls.take(1)!.resolve(['value']);
  await expect(answer).resolves.toEqual(['value']);
  clock.advance(1000);
  expect(clock.pending).toBe(0);
});

it('expires each call at its own time, with one timer', async () => {
  const { clock, calls } = setup();
  const first = calls.add(1, 'first');
  clock.advance(600);
  const second = calls.add(2, 'second');
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
  const call = calls.add(1, 'get');
  clock.sleep(60_000);
  expect(calls.isTaken(1)).toBe(true);
  calls.take(1)!.resolve(['was in the socket buffer']);
  await expect(call).resolves.toEqual(['was in the socket buffer']);
});

it('fails all at once when no answer can come any more', async () => {
  const { clock, calls } = setup();
  const both = Promise.allSettled([calls.add(1, 'a'), calls.add(2, 'b')]);
  calls.failAll((method) => new Error(`${method}: leader lost`));
  expect((await both).map((each) => (each as PromiseRejectedResult).reason.message)).toEqual([
    'a: leader lost',
    'b: leader lost',
  ]);
  expect(clock.pending).toBe(0);
});
