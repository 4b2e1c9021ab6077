import { RestartPolicy } from '../../../src/supervisor/master/restart-policy';

it('starts a child again at once that has been ready for long, every time', () => {
  const policy = new RestartPolicy();
  expect(Array.from({ length: 10 }, () => policy.onEnd(10_000))).toEqual(Array(10).fill(0));
  expect(policy.isCrashLoop).toBe(false);
});

it('starts a child again at once that dies soon after it was ready, the first time only', () => {
  const policy = new RestartPolicy(() => 1);
  expect([policy.onEnd(5), policy.onEnd(5), policy.onEnd(5)]).toEqual([0, 300, 900]);
});

it('waits longer and longer for one that dies before it is ready, up to 30 s', () => {
  const policy = new RestartPolicy(() => 1);
  const pauses = Array.from({ length: 8 }, () => policy.onEnd(undefined));
  expect(pauses).toEqual([300, 900, 2700, 8100, 24_300, 30_000, 30_000, 30_000]);
});

it('never waits less than 100 ms then, whatever the jitter', () => {
  const policy = new RestartPolicy(() => 0);
  expect([policy.onEnd(undefined), policy.onEnd(undefined)]).toEqual([100, 100]);
});

it('calls five ends in a row a crash loop, until it is ready for long once', () => {
  const policy = new RestartPolicy();
  const states = Array.from({ length: 5 }, () => {
    policy.onEnd(undefined);
    return policy.isCrashLoop;
  });
  expect(states).toEqual([false, false, false, false, true]);
  policy.onEnd(10_000);
  expect(policy.isCrashLoop).toBe(false);
});
