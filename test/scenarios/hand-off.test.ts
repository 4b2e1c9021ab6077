// A leader that closes hands the channel over: the next leader is ready before the old leader lets go of the upstream client.

import { setTimeout as wait } from 'node:timers/promises';
import { eventually } from '../support/eventually';
import { Crew, now, printFigures, type Member, type ReportedError } from '../support/member';
import { leavesNothingOpen } from '../support/open-handles';
import { Stopwatch } from '../support/pauses';
import { freePort } from '../support/ports';
import { ValueRegistry } from '../support/value-registry';

leavesNothingOpen();

/** What an upstream client needs to be ready. */
const START_MS = 500;
/** How long a leader waits for the next leader. */
const HAND_OFF_MS = 2_000;

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

function join(options: Record<string, unknown> = {}, upstream: object = {}, publish: readonly unknown[] = []): Member {
  return crew.start({
    options: { port, ...options },
    upstream: { registryPort: registry.port, startMs: START_MS, ...upstream },
    subscribe: ['config'],
    publish,
  });
}

interface Group {
  readonly leader: Member;
  readonly followers: [Member, Member, Member];
}

/** A leader, with three followers that have a value and a publication each. */
async function start(options: Record<string, unknown> = {}, upstream: object = {}): Promise<Group> {
  const leader = join({}, {}, [{ service: 'of the leader' }]);
  await leader.value('the first value', () => true);
  const follower = (number: number): Member => join({ identity: 'ignore', ...options }, upstream, [{ service: number }]);
  const followers = [follower(1), follower(2), follower(3)] as Group['followers'];
  await Promise.all(followers.map((each) => each.value('the first value', () => true)));
  await eventually('all publications', () => registry.publications.length === 4);
  return { leader, followers };
}

/** Work that goes on while leaders change. */
class Traffic {
  readonly errors: ReportedError[] = [];
  /** Which processes have answered. */
  readonly answeredBy = new Map<Member, number[]>();
  #goesOn = true;
  readonly #work: Promise<unknown>[];

  /** Values of the registry all the time, and calls without a pause from each member. */
  constructor(members: readonly Member[]) {
    const writing = async (): Promise<void> => {
      while (this.#goesOn) {
        registry.set('config', 'changed');
        await wait(5);
      }
    };
    this.#work = [writing(), ...members.flatMap((member) => [this.#call(member), this.#call(member), this.#call(member)])];
  }

  async end(): Promise<void> {
    this.#goesOn = false;
    await Promise.all(this.#work);
  }

  async #call(member: Member): Promise<void> {
    const answeredBy = this.answeredBy.get(member) ?? [];
    this.answeredBy.set(member, answeredBy);
    while (this.#goesOn && member.isAlive) {
      const outcome = await member.call('slow', 20).catch(() => undefined); // the member was killed
      if (outcome?.error) this.errors.push(outcome.error);
      else if (outcome) answeredBy.push(outcome.value as number);
    }
  }
}

/** @returns how long the close took, ms; `ownMs` is without pauses of the machine */
async function close(leader: Member): Promise<{ tookMs: number; ownMs: number }> {
  const watch = new Stopwatch();
  await leader.ask({ type: 'close' });
  return { tookMs: now() - watch.startedAt, ownMs: watch.ownMs() };
}

/**
 * Values came all the time, in order for each leader, none of an old leader after the first of the next, and the newest value is
 * there.
 */
async function hadData(members: readonly Member[], since: Stopwatch): Promise<void> {
  const newest = registry.set('config', 'end');
  for (const member of members) {
    await member.value('the newest value', ({ version }) => version === newest);
    const values = member.values.filter(({ at }) => at >= since.startedAt);
    const gaps = values.map(({ at }, index) => at - (values[index - 1]?.at ?? at));
    expect(Math.max(...gaps) - since.pausesMs).toBeLessThan(0.8 * START_MS);
    const pids = values.map(({ value }) => value.pid);
    const leaders = pids.filter((pid, index) => pid !== pids[index - 1]);
    expect(leaders).toHaveLength(new Set(leaders).size);
    for (const leader of leaders) {
      // The next leader has a new upstream client, which may be a value behind at the beginning.
      const versions = values.filter(({ value }) => value.pid === leader).map(({ value }) => value.version);
      expect(versions).toEqual([...new Set(versions)].sort((a, b) => a - b));
    }
  }
}

describe.each(['holds the port', 'was appointed'])('a leader that %s', (kind) => {
  beforeEach(async () => {
    if (kind === 'holds the port') return;
    const holder = crew.start({ options: { port, name: 'another channel' } });
    await holder.ready();
  });

  test('closes while its followers call without a pause: no call fails, and data comes all the time', async () => {
    const { leader, followers } = await start();
    const traffic = new Traffic(followers);
    await eventually('calls are answered', () => [...traffic.answeredBy.values()].every(({ length }) => length > 5));
    const since = new Stopwatch();
    const { tookMs, ownMs } = await close(leader);
    printFigures(`a leader that ${kind} closes, upstream client of the next one starts in ${START_MS} ms`, [tookMs]);
    await eventually('all are served by the next one', () =>
      [...traffic.answeredBy.values()].every((pids) => pids.at(-1) !== leader.pid),
    );
    await traffic.end();
    expect(traffic.errors).toEqual([]);
    await hadData(followers, since);
    expect(tookMs).toBeGreaterThan(0.9 * START_MS);
    expect(ownMs).toBeLessThan(HAND_OFF_MS);

    const next = followers.find(({ pid }) => pid === registry.pids[0])!;
    expect(registry.history.slice(0, 3)).toEqual([
      { is: 'here', pid: leader.pid },
      { is: 'here', pid: next.pid },
      { is: 'gone', pid: leader.pid },
    ]);
    for (const follower of followers) {
      expect(follower.logLines).toEqual([]);
      expect(follower.errors).toEqual([]);
      expect((await follower.status()).upstreams).toBe(follower === next ? 1 : 0);
    }
    // A process that comes now finds the next leader.
    const late = join({ isLeader: false, identity: 'ignore' });
    expect((await late.value('the newest value', ({ data }) => data === 'end')).value.pid).toBe(next.pid);
  });

  test('closes: what its followers have published is with the next upstream client, and nothing was withdrawn', async () => {
    const { leader, followers } = await start();
    await close(leader);
    await eventually('the publications', () => registry.publications.length >= 4 + 3);
    await wait(1_200); // withdrawals wait for a second
    const [pid] = registry.pids;
    expect(followers.map((follower) => follower.pid)).toContain(pid);
    expect(registry.publications.filter(({ op }) => op === 'unpublish')).toEqual([]);
    const again = registry.publications.filter((each) => each.pid === pid).map(({ registration }) => registration);
    expect(again).toHaveLength(3);
    expect(again).toEqual(expect.arrayContaining([1, 2, 3].map((service) => ({ service }))));
  });

  test('closes, and the next one is never ready: the wait is bounded', async () => {
    const { leader } = await start({}, { failures: 1_000_000 });
    const { tookMs, ownMs } = await close(leader);
    expect(tookMs).toBeGreaterThan(0.9 * HAND_OFF_MS);
    expect(ownMs).toBeLessThan(HAND_OFF_MS + 1_000);
    await eventually('its upstream client is gone', () => registry.pids.length === 0);
  });

  test('closes, and nobody may lead: it ends at once', async () => {
    const { leader, followers } = await start({ isLeader: false });
    expect((await close(leader)).ownMs).toBeLessThan(0.8 * START_MS);
    for (const follower of followers) {
      await follower.message('the end', ({ message }) => String(message).includes('leader lost'));
    }
    expect(registry.pids).toEqual([]);
  });

  test('closes, and the next one is killed before it is ready: another one takes over, and no call fails', async () => {
    const { leader, followers } = await start();
    const traffic = new Traffic(followers);
    const since = new Stopwatch();
    const closing = close(leader);
    const victim = await eventually('the next one has begun', async () => {
      const statuses = await Promise.all(followers.map((follower) => follower.status()));
      return followers.find((_, index) => statuses[index]!.upstreams > 0);
    });
    victim.kill('SIGKILL');
    await victim.exited;
    const left = followers.filter((follower) => follower !== victim);
    expect((await closing).ownMs).toBeLessThan(HAND_OFF_MS);
    await eventually('those who are left are served', () =>
      left.every((follower) => traffic.answeredBy.get(follower)!.at(-1) !== leader.pid),
    );
    await traffic.end();
    expect(traffic.errors).toEqual([]);
    await hadData(left, since);
    expect(registry.pids).toHaveLength(1);
    expect(left.map(({ pid }) => pid)).toContain(registry.pids[0]);
  });

  test('is closed twice, and once more during the hand-off: all end together, and the process can end', async () => {
    const { leader, followers } = await start();
    const closings = [leader.ask({ type: 'close' }), leader.ask({ type: 'close' })];
    await eventually('the next one has begun', async () => {
      const statuses = await Promise.all(followers.map((follower) => follower.status()));
      return statuses.some(({ upstreams }) => upstreams > 0);
    });
    leader.send({ type: 'leave' });
    await Promise.all(closings);
    expect(registry.history.slice(0, 2).map(({ is }) => is)).toEqual(['here', 'here']);
    expect(await leader.exited).toEqual({ code: 0, signal: null });
    const statuses = await Promise.all(followers.map((follower) => follower.status()));
    expect(statuses.map(({ upstreams }) => upstreams).sort()).toEqual([0, 0, 1]);
  });
});

test('leader and followers that all close at once wait for nobody', async () => {
  const { leader, followers } = await start();
  const took = await Promise.all([leader, ...followers].map(close));
  const ownMs = took.map((each) => each.ownMs);
  printFigures('four processes close at once', ownMs);
  expect(Math.max(...ownMs)).toBeLessThan(HAND_OFF_MS / 2);
  for (const member of [leader, ...followers]) {
    member.send({ type: 'leave' });
    expect(await member.exited).toEqual({ code: 0, signal: null });
  }
});

test('a successor that is slower than the wait goes on, and all are served when it is ready', async () => {
  const { leader, followers } = await start({}, { startMs: HAND_OFF_MS + 500 });
  expect((await close(leader)).tookMs).toBeGreaterThan(0.9 * HAND_OFF_MS);
  await eventually('the next upstream client', () => registry.pids.length > 0);
  const version = registry.set('config', 'end');
  for (const follower of followers) await follower.value('the newest value', (value) => value.version === version);
  const next = await eventually('one upstream client', () => registry.pids.length === 1 && registry.pids[0]);
  const statuses = await Promise.all(followers.map((follower) => follower.status()));
  expect(followers.filter((_, index) => statuses[index]!.isLeader).map(({ pid }) => pid)).toEqual([next]);
  expect(statuses.map(({ upstreams }) => upstreams).sort()).toEqual([0, 0, 1]);
});

test.each(['alone', 'with the next one'])(
  'a leader killed %s while the next one gets ready leaves one upstream client',
  async (how) => {
    const { leader, followers } = await start({}, { startMs: HAND_OFF_MS / 2 });
    leader.send({ type: 'close' });
    const next = await eventually('the next one has begun', async () => {
      const statuses = await Promise.all(followers.map((follower) => follower.status()));
      return followers.find((_, index) => statuses[index]!.upstreams > 0);
    });
    const victims = how === 'alone' ? [leader] : [leader, next];
    for (const victim of victims) victim.kill('SIGKILL');
    const left = followers.filter((follower) => !victims.includes(follower));
    await eventually(
      'those who are left have a leader',
      () => registry.pids.length === 1 && left.some(({ pid }) => pid === registry.pids[0]),
    );
    const version = registry.set('config', 'end');
    for (const follower of left) await follower.value('the newest value', (value) => value.version === version);
    const statuses = await Promise.all(left.map((follower) => follower.status()));
    expect(statuses.map(({ upstreams }) => upstreams).sort()).toEqual(how === 'alone' ? [0, 0, 1] : [0, 1]);
  },
);
