// The leader is killed. What the survivors have then, and when.

import type { Stats } from '../fixtures/registry-client';
import { eventually } from '../support/eventually';
import { Crew, median, printFigures, type CallOutcome, type Member } from '../support/member';
import { leavesNothingOpen } from '../support/open-handles';
import { Stopwatch } from '../support/pauses';
import { freePort } from '../support/ports';
import { ValueRegistry } from '../support/value-registry';

leavesNothingOpen();

const ROUNDS = 5;
const crew = new Crew();
let registry: ValueRegistry;
let port: number;

beforeEach(async () => {
  registry = await ValueRegistry.start();
  port = await freePort();
});

afterEach(async () => {
  await crew.stop();
  await registry.close();
});

/** Kills the leader. @returns a watch that was started before, and the survivors */
async function killLeader(): Promise<{ watch: Stopwatch; killedAt: number; killed: Member; survivors: Member[] }> {
  const killed = await crew.leader();
  const survivors = crew.members.filter((member) => member !== killed);
  const watch = new Stopwatch();
  killed.kill('SIGKILL');
  await killed.exited;
  return { watch, killedAt: watch.startedAt, killed, survivors };
}

async function stats(follower: Member): Promise<Stats> {
  return (await follower.call('stats')).value as Stats;
}

test('nine competing processes have data from a new leader within 50 ms, and there is never a second leader', async () => {
  const start = (): Member => crew.start({ options: { port }, subscribe: ['config'] });
  const members = Array.from({ length: 9 }, start);
  await Promise.all(members.map((member) => member.value('a first value', () => true)));

  const figures: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const { watch, killedAt, killed, survivors } = await killLeader();
    const first = await Promise.all(
      survivors.map((member) => member.value('a value of a new leader', ({ pid }, at) => at > killedAt && pid !== killed.pid)),
    );
    figures.push(watch.ownMs(Math.max(...first.map(({ at }) => at))));
    const leader = await crew.leader();
    expect(new Set(first.map(({ value }) => value.pid))).toEqual(new Set([leader.pid]));
    const statuses = await Promise.all(survivors.map(async (member) => ({ member, status: await member.status() })));
    // A second leader, however short-lived, would have made an upstream client.
    for (const { member, status } of statuses) expect(status.upstreams).toBe(member === leader ? 1 : 0);
    await start().value('a first value', () => true);
  }
  printFigures('failover of nine processes, kill → last survivor has data of the new leader', figures);
  expect(median(figures)).toBeLessThanOrEqual(50);
});

test('calls under way end within 100 ms, idempotent ones are answered by the new leader, new ones too', async () => {
  const figures: number[] = [];
  const members = Array.from({ length: 3 + ROUNDS }, () => crew.start({ options: { port }, callsWhenLeaderLost: true }));
  await Promise.all(members.map((member) => member.ready()));

  for (let round = 0; round < ROUNDS; round++) {
    const leader = await crew.leader();
    const [follower, other] = crew.members.filter((member) => member !== leader) as [Member, Member];
    const before = await stats(follower);
    const lost = follower.call('never');
    const again = other.call('answeredOutside', leader.pid);
    await eventually('both calls run in the leader', async () => {
      const { never, answeredOutside } = await stats(follower);
      return never > before.never && answeredOutside > before.answeredOutside;
    });
    const { watch, killedAt, survivors } = await killLeader();

    const { at, error } = await lost;
    figures.push(watch.ownMs(at));
    expect(error).toMatchObject({ code: 'ERR_TRUNKLINE_LEADER_LOST', name: 'SocketCloseError' });
    const during = (await Promise.all(
      survivors.map((member) =>
        member.message(
          'the call during the election',
          ({ id, at: answeredAt }) => id === 'during-election' && (answeredAt as number) > killedAt,
        ),
      ),
    )) as CallOutcome[];
    const next = await crew.leader();
    expect((await again).value).toBe(next.pid);
    for (const outcome of during) expect(outcome.value).toMatchObject({ pid: next.pid });
  }
  printFigures('call under way, kill → error', figures);
  expect(median(figures)).toBeLessThanOrEqual(100);
});

test('a publication that several processes have made reaches each new upstream client once', async () => {
  const shared = { key: 'service', address: 'a' };
  const members = [1, 2, 3, 4].map((number) =>
    crew.start({
      options: { port },
      upstream: { registryPort: registry.port },
      publish: number === 4 ? [] : [shared, { key: 'service', address: number }],
      subscribe: ['list'],
    }),
  );
  await Promise.all(members.map((member) => member.ready()));
  const publishedBy = (pid: number): unknown[] =>
    registry.publications
      .filter(({ op, pid: publisher }) => op === 'publish' && publisher === pid)
      .map(({ registration }) => registration);

  const { killedAt, killed, survivors } = await killLeader();
  await Promise.all(survivors.map((member) => member.ready(killedAt)));
  // Publications and calls of a follower travel in order: after these calls, all publications have arrived.
  await Promise.all(survivors.map((member) => member.call('echo')));
  const leader = await crew.leader();
  const own = [1, 2, 3].filter((number) => members[number - 1] !== killed).map((address) => ({ key: 'service', address }));
  const byJson = (list: unknown[]): string[] => list.map((each) => JSON.stringify(each)).sort();
  await eventually('all publications are with the registry', () => publishedBy(leader.pid).length > own.length);
  expect(byJson(publishedBy(leader.pid))).toEqual(byJson([shared, ...own]));
  await eventually('the subscription is with the registry', () => registry.keys.includes('list'));
  expect(registry.pids).toEqual([leader.pid]);
});

test('values that change all the time arrive in order, and the newest arrives, whoever dies', async () => {
  registry.set('config', 'start');
  const members = Array.from({ length: 6 }, () =>
    crew.start({ options: { port }, upstream: { registryPort: registry.port }, subscribe: ['config'] }),
  );
  await Promise.all(members.map((member) => member.value('a first value', () => true)));
  const writing = setInterval(() => registry.set('config', 'changed'), 2);
  try {
    for (let round = 0; round < 3; round++) {
      const { killedAt, killed, survivors } = await killLeader();
      await Promise.all(survivors.map((member) => member.value('news', ({ pid }, at) => pid !== killed.pid && at > killedAt)));
    }
  } finally {
    clearInterval(writing);
  }
  const newest = registry.set('config', 'end');
  await Promise.all(crew.members.map((member) => member.value('the newest value', ({ version }) => version === newest)));
  for (const member of members) {
    const versions = member.values.map(({ value }) => value.version);
    expect(versions).toEqual([...versions].sort((a, b) => a - b));
    const leaders = member.values.map(({ value }) => value.pid).filter((pid, index, all) => pid !== all[index - 1]);
    expect(leaders).toHaveLength(new Set(leaders).size); // no value of an older term after a value of a newer term
  }
});
