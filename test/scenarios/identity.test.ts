// Processes that use the same name with different constructor arguments.

import cluster from '../../src/index';
import { RegistryClient } from '../fixtures/registry-client';
import { eventually } from '../support/eventually';
import { Crew, type Member } from '../support/member';
import { leavesNothingOpen } from '../support/open-handles';
import { freePort } from '../support/ports';
import { recordingLogger } from '../support/recording-logger';
import { ValueRegistry } from '../support/value-registry';

const crew = new Crew();
const open: { close(): Promise<unknown> }[] = [];
let registry: ValueRegistry;
let port: number;

leavesNothingOpen();

beforeEach(async () => {
  registry = await ValueRegistry.start();
  registry.set('config', 'first');
  port = await freePort();
});

afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
  await crew.stop();
  await registry.close();
});

/** Must not turn up in any line of a log. */
const SECRETS = { a: 'AccessKeyOfTheFirst', b: 'AccessKeyOfTheOther' };

function join(token: string, options: Record<string, unknown> = {}): Member {
  return crew.start({
    options: { port, ...options },
    upstream: { registryPort: registry.port, token },
    subscribe: ['config'],
  });
}

/** The process from which a member has the newest value. */
async function leaderOf(member: Member): Promise<number> {
  const version = registry.set('config', Math.random());
  return (await member.value('the newest value', (value) => value.version === version)).value.pid;
}

const warnings = (member: Member): string[] =>
  member.messages.filter(({ type, level }) => type === 'log' && level === 'warn').map(({ message }) => message as string);

function expectNoSecrets(): void {
  const said = crew.members.flatMap(({ logLines, output, errors }) => [...logLines, output, JSON.stringify(errors)]).join('\n');
  for (const secret of Object.values(SECRETS)) expect(said).not.toContain(secret);
}

test('processes that compete are two channels, which do not notice each other', async () => {
  const [a, b] = [join('a'), join('b')];
  expect(await a.ready()).toMatchObject({ isLeader: true });
  expect(await b.ready()).toMatchObject({ isLeader: true });
  const [a2, b2] = [join('a'), join('b')];
  for (const [follower, leader] of [
    [a2, a],
    [b2, b],
  ] as const) {
    expect(await follower.ready()).toMatchObject({ isLeader: false });
    expect(await leaderOf(follower)).toBe(leader.pid);
  }
  expect(registry.pids.sort()).toEqual([a.pid, b.pid].sort());

  await a.stop();
  await eventually('the other one of its kind leads', async () => (await leaderOf(a2)) === a2.pid);
  expect(await leaderOf(b2)).toBe(b.pid);
  expect((await b2.status()).upstreams).toBe(0);
  expect([...warnings(b), ...warnings(b2)]).toEqual([]);
  expect(warnings(a2).filter((line) => line.includes('constructor arguments'))).toEqual([]);
});

test('the order of properties, and functions, make no other channel', async () => {
  const options = { port, name: 'same', logger: recordingLogger() };
  const create = (...args: unknown[]) => {
    const client = cluster(RegistryClient, options).create(...(args as []));
    open.push(client);
    return client;
  };
  const first = create({ startMs: 1, token: 'x', log: () => 1 });
  await first.ready();
  const second = create({ log: () => 2, token: 'x', startMs: 1 });
  await second.ready();
  expect([first, second].map((client) => client.isClusterClientLeader)).toEqual([true, false]);
});

test('with given roles they are one channel; the follower warns once, of the places and not of the values', async () => {
  const leader = join(SECRETS.a, { isLeader: true });
  await leader.ready();
  const follower = join(SECRETS.b, { isLeader: false });
  const same = join(SECRETS.a, { isLeader: false });
  await Promise.all([follower.ready(), same.ready()]);
  expect(await leaderOf(follower)).toBe(leader.pid);
  expect(registry.pids).toEqual([leader.pid]);
  expect(warnings(follower)).toEqual([expect.stringMatching(/^registry: .*\(they differ in \[0\]\.token\)/)]);
  expect(warnings(leader)).toEqual([]);
  expect(warnings(same)).toEqual([]);

  await leader.stop();
  const next = join(SECRETS.a, { isLeader: true });
  await next.ready();
  await eventually('it follows the next leader', async () => (await leaderOf(follower)) === next.pid);
  expect(warnings(follower).filter((line) => line.includes('differ'))).toHaveLength(1);
  expectNoSecrets();
});

test.each([
  ["identity 'warn' makes one channel of processes that compete", 'warn', 'warn', 1, 1],
  ["identity 'ignore' makes one channel of them, without a warning", 'ignore', 'ignore', 1, 0],
  ["identity 'ignore' of the follower alone is enough", undefined, 'ignore', 1, 0],
  ['a text of its own stands in for the arguments', 'europe', 'europe', 1, 0],
  ['another text makes another channel', 'europe', 'asia', 2, 0],
])('%s', async (_, identity, other, channels, warned) => {
  const leader = join(SECRETS.a, { identity });
  await leader.ready();
  const second = join(SECRETS.b, { identity: other });
  expect(await second.ready()).toMatchObject({ isLeader: channels === 2 });
  expect(await leaderOf(second)).toBe(channels === 2 ? second.pid : leader.pid);
  expect(registry.pids).toHaveLength(channels);
  expect(warnings(second)).toHaveLength(warned);
  expect(warnings(leader)).toEqual([]);
  expectNoSecrets();
});

test('another text makes another channel of the same arguments', async () => {
  const [one, other] = [join('a', { identity: 'one' }), join('a', { identity: 'other' })];
  for (const member of [one, other]) expect(await member.ready()).toMatchObject({ isLeader: true });
});

test("identity 'strict' makes two channels also where roles are given", async () => {
  const options = { identity: 'strict' };
  const leaders = [join('a', { ...options, isLeader: true }), join('b', { ...options, isLeader: true })] as const;
  for (const leader of leaders) expect(await leader.ready()).toMatchObject({ isLeader: true });
  const followers = [join('a', { ...options, isLeader: false }), join('b', { ...options, isLeader: false })] as const;
  expect(await leaderOf(followers[0])).toBe(leaders[0].pid);
  expect(await leaderOf(followers[1])).toBe(leaders[1].pid);
  expect([...leaders, ...followers].flatMap(warnings)).toEqual([]);
});

test('of two clients that must lead with other arguments one is refused where another process holds the port', async () => {
  const holder = join('a', { name: 'other' });
  await holder.ready();
  const options = { port, name: 'registry', isLeader: true, maxWaitTime: 500, logger: recordingLogger() };
  const clients = [SECRETS.a, SECRETS.b].map((token) => {
    const client = cluster(RegistryClient, options).create({ registryPort: registry.port, token });
    client.on('error', () => undefined);
    open.push(client);
    return client;
  });
  const outcomes = await Promise.allSettled(clients.map((client) => client.ready()));
  expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  expect(outcomes.find(({ status }) => status === 'rejected')).toMatchObject({
    reason: { code: 'ERR_TRUNKLINE_PORT_TAKEN', message: expect.stringContaining('choose another port or name') },
  });
});

describe('in single mode', () => {
  /** Clients with these tokens, all ready, and how many upstream clients exist. */
  async function create(tokens: readonly string[], options: object) {
    const before = RegistryClient.created;
    const clients = tokens.map((token) => {
      const logger = recordingLogger();
      const client = cluster(RegistryClient, { name: 'single', singleMode: true, logger, ...options }).create({ token });
      open.push(client);
      return { client, logger };
    });
    await Promise.all(clients.map(({ client }) => client.ready()));
    const lines = clients.map(({ logger }) => logger.lines.map(({ message }) => message));
    return { clients: clients.map(({ client }) => client), lines, upstreams: RegistryClient.created - before };
  }

  test('other arguments are another channel', async () => {
    const { clients, lines, upstreams } = await create([SECRETS.a, SECRETS.a, SECRETS.b], {});
    expect(upstreams).toBe(2);
    expect(lines.flat()).toEqual([]);
    await clients[0]!.close();
    for (const client of clients.slice(1)) expect(await client.echo('still here')).toMatchObject({ args: ['still here'] });
  });

  test('with given roles other arguments are another channel where they must lead, and find theirs where they follow', async () => {
    const leading = await create([SECRETS.a, SECRETS.b], { isLeader: true });
    expect(leading.upstreams).toBe(2);
    const following = await create([SECRETS.b, SECRETS.a, 'neither'], { isLeader: false });
    expect(following.upstreams).toBe(0);
    const logged = [...leading.lines, ...following.lines];
    expect(logged).toEqual([[], [], [], [], [expect.stringMatching(/^single: .*\(they differ in \[0\]\.token\)/)]]);
  });

  test("with identity 'warn' they are one channel, and the later one warns once, without the values", async () => {
    const { lines, upstreams } = await create([SECRETS.a, SECRETS.b, SECRETS.a], { identity: 'warn' });
    expect(upstreams).toBe(1);
    expect(lines).toEqual([[], [expect.stringMatching(/^single: .*\(they differ in \[0\]\.token\)/)], []]);
    for (const secret of Object.values(SECRETS)) expect(lines.flat().join()).not.toContain(secret);
  });

  test("identity 'ignore' makes one channel of them, without a warning", async () => {
    const { lines, upstreams } = await create([SECRETS.a, SECRETS.b], { identity: 'ignore' });
    expect(upstreams).toBe(1);
    expect(lines.flat()).toEqual([]);
  });
});
