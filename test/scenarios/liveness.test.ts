// Processes that are stopped or blocked, with sockets that stay open.

import { Crew, median, printFigures, type Member } from '../support/member';
import { leavesNothingOpen } from '../support/open-handles';
import { Stopwatch } from '../support/pauses';
import { freePort } from '../support/ports';
import { eventually } from '../support/eventually';
import { ValueRegistry } from '../support/value-registry';
import { setTimeout as wait } from 'node:timers/promises';

leavesNothingOpen();

const heartbeatInterval = 300;
/** Silence of 2.5 intervals ends a connection. */
const LIMIT_MS = 2.5 * heartbeatInterval;
/** The promise. */
const FAST_MS = 3 * heartbeatInterval;

const crew = new Crew();
let registry: ValueRegistry;
let port: number;

beforeEach(async () => {
  registry = await ValueRegistry.start();
  registry.set('config', 'first');
  port = await freePort();
});

afterEach(async () => {
  await crew.stop();
  await registry.close();
});

/** A leader and followers, some of which would compete, with the first value. */
async function start(followers: number, options: Record<string, unknown> = {}): Promise<[Member, ...Member[]]> {
  const join = (isLeader: boolean | undefined): Member =>
    crew.start({
      options: { port, heartbeatInterval, isLeader, ...options },
      upstream: { registryPort: registry.port },
      subscribe: ['config'],
    });
  const leader = join(true);
  await leader.ready();
  const members: [Member, ...Member[]] = [
    leader,
    ...Array.from({ length: followers }, (_, index) => join(index % 2 ? undefined : false)),
  ];
  await Promise.all(members.map((member) => member.value('the first value', () => true)));
  return members;
}

const endsOn = (version: number, members: readonly Member[]): Promise<unknown> =>
  Promise.all(members.map((member) => member.value(`version ${version}`, (value) => value.version === version)));

test('calls to a stopped leader fail within three heartbeat intervals and say who was silent; then all recover', async () => {
  const [leader, ...followers] = await start(5, { responseTimeout: 10_000 });
  const watch = new Stopwatch();
  leader.kill('SIGSTOP');
  const missed = registry.set('config', 'while stopped');

  const underWay = await Promise.all(followers.map((follower) => follower.call('echo')));
  for (const { error } of underWay) {
    expect(error).toMatchObject({
      code: 'ERR_TRUNKLINE_LEADER_LOST',
      cause: { code: 'ERR_TRUNKLINE_PEER_SILENT', name: 'ClusterClientNoResponseError', side: 'leader' },
    });
    expect(error!.message).toMatch(/the leader was silent for \d+ ms/);
    expect(error!.cause!.silentMs).toBeGreaterThanOrEqual(LIMIT_MS);
  }
  const ended = underWay.map(({ at }) => watch.ownMs(at));
  printFigures('stopped leader, stop → call under way fails', ended);
  expect(median(ended)).toBeLessThanOrEqual(FAST_MS);

  const freshWatch = new Stopwatch();
  const fresh = await Promise.all(followers.map((follower) => follower.call('echo')));
  for (const { error } of fresh) expect(error).toMatchObject({ code: 'ERR_TRUNKLINE_PORT_FOREIGN', port });
  const failed = fresh.map(({ at }) => freshWatch.ownMs(at));
  printFigures('stopped leader, new call → fails', failed);
  expect(median(failed)).toBeLessThanOrEqual(FAST_MS);

  leader.kill('SIGCONT');
  await endsOn(missed, [leader, ...followers]);
  const answers = await Promise.all(
    followers.map((follower) => eventually('an answer', async () => (await follower.call('echo')).value)),
  );
  for (const value of answers) expect(value).toMatchObject({ pid: leader.pid });
  await endsOn(registry.set('config', 'after'), [leader, ...followers]);
});

test('followers that were stopped or blocked beyond the limit end on the newest value', async () => {
  const [leader, stopped, blocked, lively] = (await start(3)) as [Member, Member, Member, Member];
  stopped.kill('SIGSTOP');
  const block = blocked.ask({ type: 'block', ms: 3 * LIMIT_MS });
  await eventually(
    'the leader has dropped both',
    () => leader.logLines.filter((line) => line.includes('the follower was silent')).length === 2,
  );
  const newest = registry.set('config', 'while they did not run');
  await endsOn(newest, [leader, lively]);
  stopped.kill('SIGCONT');
  await block;
  await endsOn(newest, [stopped, blocked]);
  for (const follower of [stopped, blocked]) {
    expect(await eventually('an answer', async () => (await follower.call('echo')).value)).toMatchObject({ pid: leader.pid });
  }
});

test('a follower that blocks longer than responseTimeout takes the answer that lies in its socket', async () => {
  const [leader, follower] = (await start(1, { responseTimeout: 400, heartbeatInterval: 5_000 })) as [Member, Member];
  const answer = follower.call('slow', 100);
  const block = follower.ask({ type: 'block', ms: 1_000 });
  expect((await answer).value).toBe(leader.pid);
  await block;
});

test('a call longer than the idle limit is answered, because the pings live', async () => {
  const [leader, follower] = (await start(1, { responseTimeout: 10_000 })) as [Member, Member];
  expect((await follower.call('slow', 2 * LIMIT_MS)).value).toBe(leader.pid);
  expect(follower.logLines.filter((line) => line.includes('leader lost'))).toEqual([]);
});

test('leader and followers that were all stopped blame nobody and keep their connections', async () => {
  const members = await start(2);
  for (const member of members) member.kill('SIGSTOP');
  const newest = registry.set('config', 'while all were stopped');
  await wait(2 * LIMIT_MS); // the silence is the condition
  for (const member of members) member.kill('SIGCONT');
  await endsOn(newest, members);
  await wait(LIMIT_MS); // a late verdict would fall within this time
  for (const member of members) expect(member.logLines.filter((line) => /silent|lost/.test(line))).toEqual([]);
});
