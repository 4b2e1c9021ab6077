// Followers that do not read: the costs for the leader, and the end of such followers.

import { Crew, type Member } from '../support/member';
import { leavesNothingOpen } from '../support/open-handles';
import { freePort } from '../support/ports';

leavesNothingOpen();

const MiB = 2 ** 20;
const KEYS = ['a', 'b', 'c', 'd'];

const crew = new Crew();

afterEach(() => crew.stop());

/** A leader without local subscribers, and a follower that has the first value of each key. */
async function start(options: Record<string, unknown> = {}): Promise<[leader: Member, follower: Member]> {
  const port = await freePort();
  const join = (isLeader: boolean, subscribe: readonly string[]): Member =>
    crew.start({ options: { port, isLeader, ...options }, subscribe }, undefined, undefined, ['--expose-gc']);
  const [leader, follower] = [join(true, []), join(false, KEYS)];
  for (const key of KEYS) await follower.value(`the first value of ${key}`, (value) => value.key === key);
  return [leader, follower];
}

/** Pushes values of 1 MiB. @returns the newest version of each key */
async function flood(leader: Member, count: number): Promise<number[]> {
  return (await leader.ask({ type: 'flood', keys: KEYS, count, bytes: MiB })).versions as number[];
}

async function endsOn(versions: readonly number[], follower: Member): Promise<void> {
  for (const [index, key] of KEYS.entries()) {
    await follower.value(`the newest of ${key}`, (value) => value.key === key && value.version === versions[index]);
  }
}

test('200 MiB for a stopped follower cost the leader the limit; it ends on the newest value of every key', async () => {
  const [leader, follower] = await start();
  await endsOn(await flood(leader, 16), follower);
  const before = await leader.status();
  follower.kill('SIGSTOP');
  const newest = await flood(leader, 200);
  const after = await leader.status();
  const [heldMiB, rssMiB] = [(after.heldBytes - before.heldBytes) / MiB, (after.rss - before.rss) / MiB];
  process.stdout.write(
    `stopped follower, owed 200 MiB: the leader holds ${heldMiB.toFixed(1)} MiB more, rss ${rssMiB.toFixed(1)} MiB\n`,
  );
  expect(heldMiB).toBeLessThan(26); // the limit, and for each key an old value with a frame
  expect(rssMiB).toBeLessThan(80);

  follower.kill('SIGCONT');
  await endsOn(newest, follower);
  for (const key of KEYS) {
    const versions = follower.values.filter(({ value }) => value.key === key).map(({ value }) => value.version);
    expect(versions).toEqual([...new Set(versions)].sort((x, y) => x - y)); // never an older value after a newer value
  }
});

test("with delivery 'every' a follower that does not read is disconnected, hears why, comes back and has the newest values", async () => {
  const [leader, follower] = await start({ delivery: 'every' });
  follower.kill('SIGSTOP');
  const flooded = flood(leader, 60);
  await leader.message('dropped', ({ message }) => String(message).includes('follower dropped'));
  follower.kill('SIGCONT');
  const newest = await flooded;
  await endsOn(newest, follower);
  const dropped = leader.logLines.filter((line) => line.includes('follower dropped'));
  expect(dropped).toEqual([expect.stringMatching(/remotePort=\d+ outboxBytes=\d+ maxOutboxBytes=16777216/)]);
  expect(follower.logLines.filter((line) => line.includes('leader lost'))).toEqual([
    expect.stringMatching(/did not read what the leader sent: outboxBytes=\d+/),
  ]);
  expect((await follower.call('echo')).value).toMatchObject({ pid: leader.pid });
});

test('calls to a stopped leader beyond the limit are rejected at once as busy; the others are answered when it goes on', async () => {
  const [leader, follower] = await start({ responseTimeout: 30_000 });
  leader.kill('SIGSTOP');
  const big = 'x'.repeat(MiB);
  const calls = Array.from({ length: 60 }, () => follower.call('echo', big));
  const last = (await calls.at(-1)!).error;
  expect(last).toMatchObject({
    code: 'ERR_TRUNKLINE_BUSY',
    message: expect.stringMatching(/echo was not sent.*outboxBytes=\d+/) as string,
  });
  // A verb without an answer reports the error as an event.
  await follower.ask({ type: 'call', method: 'unPublish', args: ['x'] });
  follower.send({ type: 'publish', registration: 'y' });
  const thrown = await follower.message('publish has thrown', ({ type }) => type === 'unhandled-rejection');
  expect(thrown.error).toMatchObject({ code: 'ERR_TRUNKLINE_BUSY' });
  expect(follower.errors).toEqual([expect.objectContaining({ code: 'ERR_TRUNKLINE_BUSY' })]);

  leader.kill('SIGCONT');
  const outcomes = await Promise.all(calls);
  const answered = outcomes.filter(({ error }) => !error);
  expect(answered.length).toBeGreaterThanOrEqual(16);
  expect(outcomes.filter(({ error }) => error?.code === 'ERR_TRUNKLINE_BUSY')).toHaveLength(60 - answered.length);
  expect((await follower.call('echo')).value).toMatchObject({ pid: leader.pid });
});
