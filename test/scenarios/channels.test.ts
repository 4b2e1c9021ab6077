// Each channel is led separately: some by the process that holds the cluster port, others by appointed processes.

import { eventually } from '../support/eventually';
import { Crew, now, printFigures, type Member } from '../support/member';
import { leavesNothingOpen } from '../support/open-handles';
import { Stopwatch } from '../support/pauses';
import { canBind, freePort } from '../support/ports';
import { ValueRegistry } from '../support/value-registry';

leavesNothingOpen();

/** Within this time after the end of the leader a channel has a new leader, ms. */
const LED_ANEW_MS = 1_000;

const crew = new Crew();
let registry: ValueRegistry;
let port: number;

beforeEach(async () => {
  registry = await ValueRegistry.start();
  for (const channel of ['red', 'blue']) registry.set(channel, 'first');
  port = await freePort();
});

afterEach(async () => {
  await crew.stop();
  await registry.close();
});

/** A process with a single channel. */
function join(name: string, options: Record<string, unknown> = {}): Member {
  return crew.start({
    options: { port, name, ...options },
    upstream: { registryPort: registry.port },
    subscribe: [name],
  });
}

function joinAll(channels: readonly string[], options: Record<string, unknown> = {}): Member {
  return crew.start({ options: { port, ...options }, upstream: { registryPort: registry.port }, channels }, 'multi-member');
}

interface Stage {
  /** Holds the port and leads red. */
  readonly holder: Member;
  /** Leads blue. */
  readonly appointed: Member;
  /** Follows both, and could lead. */
  readonly both: Member;
}

async function stage(): Promise<Stage> {
  const holder = join('red');
  expect(await holder.ready()).toMatchObject({ isLeader: true });
  const appointed = join('blue');
  expect(await appointed.ready()).toMatchObject({ isLeader: true });
  const both = joinAll(['red', 'blue']);
  for (const channel of ['red', 'blue']) await reaches('first', channel, [both]);
  expect((await both.status()).upstreams).toBe(0);
  return { holder, appointed, both };
}

/** Waits for a value in all these members. @returns the processes that brought the value */
async function reaches(data: unknown, key: string, members: readonly Member[]): Promise<number[]> {
  const values = await Promise.all(
    members.map((member) => member.value(`${key} is ${String(data)}`, (value) => value.key === key && value.data === data)),
  );
  return [...new Set(values.map(({ value }) => value.pid))];
}

/** Sets a value, which must reach the members from this process. */
async function isLedBy(leader: Member, channel: string, members: readonly Member[]): Promise<void> {
  const data = `at ${now()}`;
  registry.set(channel, data);
  expect(await reaches(data, channel, members)).toEqual([leader.pid]);
}

const linesAbout = (member: Member, channel: string): string[] =>
  member.logLines.filter((line) => line.startsWith(`${channel}:`));

/**
 * Kills processes and waits until another process brings values of the channel. @returns the time without pauses of the machine,
 * ms
 */
async function kill(victims: readonly Member[], channel: string, survivors: readonly Member[]): Promise<number> {
  const pids = victims.map(({ pid }) => pid);
  const watch = new Stopwatch();
  for (const victim of victims) victim.kill('SIGKILL');
  const values = await Promise.all(
    survivors.map((member) =>
      member.value(
        `${channel} of a new leader`,
        ({ key, pid }, at) => key === channel && at > watch.startedAt && !pids.includes(pid),
      ),
    ),
  );
  return watch.ownMs(Math.max(...values.map(({ at }) => at)));
}

test('the holder is killed: the other channel keeps its leader and its one upstream client, and its followers notice nothing', async () => {
  const { holder, appointed, both } = await stage();
  const third = join('blue', { isLeader: false });
  await third.ready();
  const tookMs = await kill([holder], 'red', [both]);
  printFigures('holder killed, its channel is led anew', [tookMs]);
  expect(tookMs).toBeLessThan(LED_ANEW_MS);
  await isLedBy(both, 'red', [both]);

  await isLedBy(appointed, 'blue', [appointed, both, third]);
  expect((await appointed.status()).upstreams).toBe(1);
  expect(registry.pidsOf('blue')).toEqual([appointed.pid]);
  for (const member of [both, appointed, third]) expect(linesAbout(member, 'blue')).toEqual([]);
  // A process that comes now finds both channels.
  const late = joinAll(['red', 'blue'], { isLeader: false });
  await isLedBy(both, 'red', [late]);
  await isLedBy(appointed, 'blue', [late]);
});

test('an appointed leader is killed: its channel is led anew, and the other one notices nothing', async () => {
  const { holder, appointed, both } = await stage();
  const tookMs = await kill([appointed], 'blue', [both]);
  printFigures('appointed leader killed, its channel is led anew', [tookMs]);
  expect(tookMs).toBeLessThan(LED_ANEW_MS);
  await isLedBy(both, 'blue', [both]);
  await isLedBy(holder, 'red', [holder, both]);
  expect((await holder.status()).upstreams).toBe(1);
  expect(registry.pids.sort()).toEqual([holder.pid, both.pid].sort());
  expect([...linesAbout(holder, 'red'), ...linesAbout(both, 'red')]).toEqual([]);
});

test('holder and appointed leader are killed together: both channels are led anew', async () => {
  const { holder, appointed, both } = await stage();
  const took = await Promise.all([kill([holder, appointed], 'red', [both]), kill([holder, appointed], 'blue', [both])]);
  printFigures('holder and appointed leader killed, both channels are led anew', took);
  for (const tookMs of took) expect(tookMs).toBeLessThan(LED_ANEW_MS);
  await eventually('one upstream client each', () => registry.pids.length === 2);
  for (const channel of ['red', 'blue']) await isLedBy(both, channel, [both]);
});

test('the holder is stopped: the followers of the other channel notice nothing, and newcomers get in when it goes on', async () => {
  const options = { heartbeatInterval: 200 };
  const holder = join('red', options);
  await holder.ready();
  const appointed = join('blue', options);
  await appointed.ready();
  const follower = join('blue', options);
  await follower.ready();
  holder.kill('SIGSTOP');
  const late = join('blue', options);
  expect((await late.notReady()).error).toMatchObject({ code: 'ERR_TRUNKLINE_PORT_FOREIGN', port });
  await isLedBy(appointed, 'blue', [appointed, follower]);
  holder.kill('SIGCONT');
  await late.ready();
  await isLedBy(appointed, 'blue', [appointed, follower, late]);
  await isLedBy(holder, 'red', [holder]);
  expect(registry.pids.sort()).toEqual([holder.pid, appointed.pid].sort());
  expect(linesAbout(follower, 'blue')).toEqual([]);
  // The appointed leader warns when the holder was stopped for long enough to leave an announcement unanswered.
  expect(linesAbout(appointed, 'blue').filter((line) => !line.includes('cannot announce itself at cluster port'))).toEqual([]);
});

test('clients of one process take over from each other in a channel that they were appointed for', async () => {
  const holder = join('red');
  await holder.ready();
  const host = joinAll(['blue', 'blue', 'blue'], { isLeader: undefined });
  const follower = join('blue', { isLeader: false });
  await isLedBy(host, 'blue', [host, follower]);
  for (let upstreams = 1; upstreams <= 2; upstreams++) {
    expect(await host.status()).toMatchObject({ leads: ['blue'], upstreams });
    await host.ask({ type: 'close', channel: 'blue' });
    await eventually('the next one leads', async () => (await host.status()).upstreams === upstreams + 1);
    await isLedBy(host, 'blue', [host, follower]);
    expect(registry.pidsOf('blue')).toEqual([host.pid]);
  }
  expect(follower.logLines).toEqual([]);
});

test('isLeader: true leads a second channel when another process holds the port', async () => {
  const holder = join('red', { isLeader: true });
  await holder.ready();
  const leader = join('blue', { isLeader: true });
  expect(await leader.ready()).toMatchObject({ isLeader: true });
  expect(leader.messages.filter(({ type }) => type === 'not-ready')).toEqual([]);
  const follower = join('blue', { isLeader: false });
  await isLedBy(leader, 'blue', [follower]);
});

test('isLeader: true for a channel that is led elsewhere is refused, and leads when the other process goes', async () => {
  const { holder, appointed, both } = await stage();
  await both.stop();
  const second = join('blue', { isLeader: true });
  const { error } = await second.notReady();
  expect(error).toMatchObject({ code: 'ERR_TRUNKLINE_PORT_TAKEN', port });
  expect(error!.message).toContain('isLeader is true');
  await isLedBy(appointed, 'blue', [appointed]);
  await appointed.stop();
  expect(await second.ready()).toMatchObject({ isLeader: true });
  await isLedBy(second, 'blue', [second]);
  expect((await holder.status()).upstreams).toBe(1);
});

test('a process that leads only another channel takes over the port when nobody else is left', async () => {
  const holder = join('red');
  await holder.ready();
  const appointed = join('blue');
  await appointed.ready();
  await holder.stop();
  await eventually('the port is held', async () => !(await canBind(port)));
  const next = join('red');
  expect(await next.ready()).toMatchObject({ isLeader: true });
  const follower = join('blue', { isLeader: false });
  await isLedBy(appointed, 'blue', [follower]);
  expect((await appointed.status()).upstreams).toBe(1);
  expect(linesAbout(appointed, 'blue')).toEqual([]);
  // Repeats the search from the beginning, when the leader goes.
  await appointed.stop();
  const successor = join('blue');
  expect(await successor.ready()).toMatchObject({ isLeader: true });
  await isLedBy(successor, 'blue', [successor, follower]);
  await isLedBy(next, 'red', [next]);
  expect(linesAbout(next, 'red')).toEqual([]);
});

test('twelve channels over four processes have one upstream client each, whoever dies', async () => {
  const channels = Array.from({ length: 12 }, (_, index) => `channel ${index}`);
  for (const channel of channels) registry.set(channel, 'first');
  const start = (): Member => joinAll(channels);
  for (let number = 0; number < 4; number++) start();
  const ended = async (round: number): Promise<void> => {
    for (const channel of channels) registry.set(channel, `round ${round}`);
    await Promise.all(channels.map((channel) => reaches(`round ${round}`, channel, crew.members)));
  };
  await ended(0);
  for (let round = 1; round <= 6; round++) {
    const { members } = crew;
    const victims = members.sort(() => Math.random() - 0.5).slice(0, 1 + (round % 3));
    for (const victim of victims) victim.kill('SIGKILL');
    await Promise.all(victims.map(({ exited }) => exited));
    for (let number = 0; number < victims.length; number++) start();
    if (round % 2) await ended(round); // without this wait the next processes would die while the channels look for leaders
  }
  await ended(7);
  const leaders = channels.map((channel) => registry.pidsOf(channel));
  expect(leaders.map((pids) => pids.length)).toEqual(channels.map(() => 1));
  const statuses = await Promise.all(crew.members.map((member) => member.ask({ type: 'status' })));
  expect(statuses.flatMap(({ leads }) => leads as string[]).sort()).toEqual([...channels].sort());
});
