// A follower that starts before the leader, and leaders that cannot lead yet.

import { Crew, median, printFigures } from '../support/member';
import { leavesNothingOpen } from '../support/open-handles';
import { Stopwatch } from '../support/pauses';
import { freePort } from '../support/ports';

leavesNothingOpen();

const crew = new Crew();
let port: number;

beforeEach(async () => {
  port = await freePort();
});

afterEach(() => crew.stop());

test('followers are ready within 100 ms of a late leader, also long after maxWaitTime', async () => {
  const hastyWatch = new Stopwatch();
  const patient = crew.start({ options: { port, isLeader: false }, subscribe: ['config'] });
  const hasty = crew.start({ options: { port, isLeader: false, maxWaitTime: 100 }, subscribe: ['config'] });
  const { error, at, startedAt } = await hasty.notReady();
  expect(error).toMatchObject({
    code: 'ERR_TRUNKLINE_NO_LEADER',
    message: expect.stringContaining('100 ms') as string,
  });
  expect(at - startedAt - hastyWatch.pausesMs).toBeLessThan(1_000);

  const figures: number[] = [];
  for (let round = 0; round < 5; round++) {
    const watch = new Stopwatch();
    const leader = crew.start({ options: { port, isLeader: true } });
    const leading = await leader.ready();
    const following = await Promise.all([patient, hasty].map((follower) => follower.ready(leader.messages[0]!.at as number)));
    const { pausesMs } = watch;
    figures.push(...following.map((ready) => ready.at - leading.at - pausesMs));
    expect(leading.isLeader).toBe(true);
    expect(following.map(({ isLeader }) => isLeader)).toEqual([false, false]);
    await Promise.all([patient, hasty].map((follower) => follower.value('its data', ({ pid }) => pid === leader.pid)));
    await leader.stop();
  }
  printFigures('late leader, leader ready → follower ready', figures);
  expect(median(figures)).toBeLessThanOrEqual(100);
});

test('isLeader: true on a taken port is refused at once, and leads when the port is free', async () => {
  const first = crew.start({ options: { port, isLeader: true } });
  await first.ready();
  const watch = new Stopwatch();
  const second = crew.start({ options: { port, isLeader: true } });
  const { error, at, startedAt } = await second.notReady();
  expect(error).toMatchObject({ code: 'ERR_TRUNKLINE_PORT_TAKEN', port });
  expect(error?.message).toContain(`127.0.0.1:${port}`);
  expect(at - startedAt - watch.pausesMs).toBeLessThan(500);

  await first.stop();
  expect((await second.ready()).isLeader).toBe(true);
});

test('leader and followers become ready when an upstream that failed at first has recovered', async () => {
  const failures = 8; // enough to have the follower come during the failures
  const leader = crew.start({ options: { port, isLeader: true }, upstream: { failures }, subscribe: ['config'] });
  const follower = crew.start({ options: { port, isLeader: false }, upstream: { failures }, subscribe: ['config'] });
  for (const member of [leader, follower]) {
    const { error } = await member.notReady();
    expect(error?.message).toMatch(/registry refused client \d/);
  }
  await Promise.all([leader.ready(), follower.ready()]);
  await follower.value('data of the recovered client', ({ pid }) => pid === leader.pid);
  expect((await leader.status()).upstreams).toBe(failures + 1);
  expect((await follower.status()).upstreams).toBe(0);
});

test('a leader whose upstream is slow is waited for beyond maxWaitTime without an error of its own', async () => {
  const leader = crew.start({ options: { port, isLeader: true, maxWaitTime: 100 }, upstream: { startMs: 400 } });
  const follower = crew.start({ options: { port, isLeader: false }, upstream: {} });
  await Promise.all([leader.ready(), follower.ready()]);
  expect(leader.messages.filter(({ type }) => type === 'not-ready')).toEqual([]);
  expect(leader.logLines.join()).toContain('its upstream client has not been ready for 100 ms');
});
