// What close() leaves behind: nothing.

import { setTimeout as wait } from 'node:timers/promises';
import cluster from '../../src/index';
import { RegistryClient, type RegistryClientOptions } from '../fixtures/registry-client';
import { eventually } from '../support/eventually';
import { Crew } from '../support/member';
import { leavesNothingOpen } from '../support/open-handles';
import { Stopwatch } from '../support/pauses';
import { canBind, freePort } from '../support/ports';
import { recordingLogger } from '../support/recording-logger';

leavesNothingOpen();

const crew = new Crew();
const open: { close(): Promise<unknown> }[] = [];
let port: number;

beforeEach(async () => {
  port = await freePort();
});

afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
  await crew.stop();
});

function create(options: object = {}, upstream: RegistryClientOptions = {}) {
  const logger = recordingLogger();
  const client = cluster(RegistryClient, { name: 'registry', port, logger, ...options })
    .delegate('never')
    .create(upstream);
  const events: unknown[] = [];
  client.on('error', (error: unknown) => events.push(error));
  open.push(client);
  return Object.assign(client, { lines: logger.lines, events });
}

const reasonOf = (ready: Promise<unknown>): Promise<unknown> =>
  ready.then(
    () => 'fulfilled',
    (error: unknown) => error,
  );

describe('close() can be called again, at the same time and later', () => {
  test.each([
    ['leader', { isLeader: true }],
    ['single client', { singleMode: true }],
  ])('on a %s', async (_, options) => {
    const client = create(options);
    await client.ready();
    const upstream = RegistryClient.live!;
    let closes = 0;
    const close = upstream.close.bind(upstream);
    upstream.close = () => {
      closes++;
      return close();
    };
    await Promise.all([client.close(), client.close(), cluster.close(client)]);
    await client.close();
    expect(closes).toBe(1);
    expect(await canBind(port)).toBe(true);
  });

  test('on a follower', async () => {
    await create({ isLeader: true }).ready();
    const client = create({ isLeader: false });
    await client.ready();
    const call = reasonOf(client.never());
    await Promise.all([client.close(), client.close()]);
    await client.close();
    expect(await call).toMatchObject({ code: 'ERR_TRUNKLINE_CLOSED' });
    expect(client.lines).toEqual([]);
  });
});

describe('close() during the start ends the start', () => {
  const phases: [name: string, options: object, upstream: RegistryClientOptions, reached: () => unknown][] = [
    ['at once', {}, {}, () => true],
    ['at once, a follower', { isLeader: false }, {}, () => true],
    ['while the upstream client starts', {}, { startMs: 60_000 }, () => RegistryClient.live],
    ['while the upstream client fails', {}, { failures: Infinity }, () => RegistryClient.live],
    ['while there is no leader', { isLeader: false }, {}, () => wait(60, true)],
  ];

  test.each(phases)('%s', async (_, options, upstream, reached) => {
    RegistryClient.live = undefined;
    const client = create(options, upstream);
    const ready = reasonOf(client.ready());
    await eventually('the phase', reached);
    await client.close();
    if (!upstream.failures) expect(await ready).toMatchObject({ code: 'ERR_TRUNKLINE_CLOSED' });
    expect(await canBind(port)).toBe(true);
    expect(RegistryClient.live).toBeUndefined();
    await expect(client.echo()).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_CLOSED' });
    const errors: unknown[] = [];
    client.on('error', (error: Error) => errors.push(error));
    client.subscribe({ key: 'config' }, () => undefined);
    await eventually('the error event', () => errors.length === 1);
    expect(errors).toMatchObject([{ code: 'ERR_TRUNKLINE_CLOSED' }]);
  });
});

test('a leader that closes leaves the port free at once, though followers are connected', async () => {
  const leader = create({ isLeader: true });
  await leader.ready();
  const followers = [1, 2].map(() => crew.start({ options: { port, isLeader: false } }));
  await Promise.all(followers.map((follower) => follower.ready()));
  await leader.close();
  expect(await canBind(port)).toBe(true);
});

test('when a leader closes, a follower takes over and the others follow it', async () => {
  const leader = create();
  await leader.ready();
  const followers = [1, 2, 3].map(() => crew.start({ options: { port }, subscribe: ['config'] }));
  await Promise.all(followers.map((follower) => follower.value('a first value', ({ pid }) => pid === process.pid)));
  const watch = new Stopwatch();
  await leader.close();
  const values = await Promise.all(
    followers.map((follower) => follower.value('a value of the successor', ({ pid }) => pid !== process.pid)),
  );
  const successor = await crew.leader();
  expect(values.map(({ value }) => value.pid)).toEqual(followers.map(() => successor.pid));
  expect(watch.ownMs(Math.max(...values.map(({ at }) => at)))).toBeLessThan(1_000);
});

test('a call under way when the leader closes ends at once, not with the time limit', async () => {
  const leader = create({ isLeader: true });
  await leader.ready();
  const follower = create({ isLeader: false });
  const call = reasonOf(follower.never());
  await eventually('it runs', async () => (await follower.stats()).never === 1);
  const watch = new Stopwatch();
  await leader.close();
  expect(await call).toMatchObject({ code: 'ERR_TRUNKLINE_LEADER_LOST' });
  expect(watch.ownMs()).toBeLessThan(500);
});

test('a follower can be closed although its leader is stopped and takes nothing', async () => {
  const leader = crew.start({ options: { port, isLeader: true } });
  const follower = create({ isLeader: false });
  await follower.ready();
  leader.kill('SIGSTOP');
  const calls = Array.from({ length: 14 }, () => reasonOf(follower.echo('x'.repeat(1_000_000))));
  const watch = new Stopwatch();
  await follower.close();
  expect(watch.ownMs()).toBeLessThan(2_000);
  for (const reason of await Promise.all(calls)) expect(reason).toMatchObject({ code: 'ERR_TRUNKLINE_CLOSED' });
});

test('the port is free when the last of its channels is closed, not before', async () => {
  const [red, blue] = [create({ name: 'red' }), create({ name: 'blue' })];
  await Promise.all([red.ready(), blue.ready()]);
  await red.close();
  expect(await canBind(port)).toBe(false);
  await blue.close();
  expect(await canBind(port)).toBe(true);
});

test('the same port serves one leader after another in one process, also without a wait between them', async () => {
  let closing: Promise<unknown> = Promise.resolve();
  for (let round = 0; round < 20; round++) {
    const leader = create();
    await leader.ready();
    expect(leader.isClusterClientLeader).toBe(true);
    await closing;
    closing = leader.close();
    if (round % 2) await closing;
  }
  await closing;
  expect(await canBind(port)).toBe(true);
});

test('a process that has closed its client ends by itself', async () => {
  const leader = crew.start({ options: { port, isLeader: true }, subscribe: ['config'], publish: [{ key: 'service' }] });
  await leader.ready();
  const follower = crew.start({ options: { port, isLeader: false }, subscribe: ['config'], publish: [{ key: 'service' }] });
  const others = [
    crew.start({ options: { singleMode: true }, subscribe: ['config'] }),
    crew.start({ options: { port: await freePort(), isLeader: false } }), // has no leader
    crew.start({ options: { port: await freePort() }, upstream: { failures: 1e9 } }),
    crew.start({ options: { port, isLeader: true } }), // is refused
  ];
  await Promise.all([follower.ready(), others[0]!.ready(), others[2]!.notReady(), others[3]!.notReady()]);
  const leave = async (...members: typeof others): Promise<void> => {
    for (const member of members) member.send({ type: 'leave', id: 'leave' });
    for (const member of members) {
      expect(await member.exited).toEqual({ code: 0, signal: null });
      expect(member.output).toBe('');
    }
  };
  await leave(follower, ...others);
  await leave(leader);
});

test('nothing is emitted or logged after close(), whatever happens to the leader', async () => {
  const leader = crew.start({ options: { port, isLeader: true } });
  await leader.ready();
  const follower = create({ isLeader: false });
  let values = 0;
  follower.subscribe({ key: 'config' }, () => values++);
  await eventually('a first value', () => values);
  await leader.stop();
  await eventually('the loss is noticed', () => follower.lines.length);
  await follower.close();
  const before = { lines: follower.lines.length, events: follower.events.length, values };
  const emitted = jest.spyOn(follower, 'emit');
  const next = crew.start({ options: { port, isLeader: true } });
  await next.ready();
  await next.ask({ type: 'set', key: 'config', data: 'nobody shall hear it' });
  expect({ lines: follower.lines.length, events: follower.events.length, values }).toEqual(before);
  expect(emitted).not.toHaveBeenCalled();
});

test('a rejected ready() that nobody awaits is an error event, not an unhandled rejection', async () => {
  const member = crew.start({ options: { port, isLeader: false, maxWaitTime: 50 }, ignoresReady: true });
  await eventually('the event', () => member.errors.length);
  expect(member.errors[0]!.code).toBe('ERR_TRUNKLINE_NO_LEADER');
  await member.status();
  expect(member.messages.filter(({ type }) => type === 'unhandled-rejection')).toEqual([]);
});

describe('Ctrl-C, which every process of the group gets', () => {
  test.each([
    ['processes that close their clients end by themselves', true, { code: 0, signal: null }],
    ['processes that do not care end by the signal', false, { code: null, signal: 'SIGINT' }],
  ])('%s, and print nothing', async (_, closesOnSigint, expected) => {
    const members = [1, 2, 3, 4].map(() => crew.start({ options: { port }, subscribe: ['config'], closesOnSigint }));
    await Promise.all(members.map((member) => member.ready()));
    for (const member of members) member.kill('SIGINT');
    for (const member of members) {
      expect(await member.exited).toEqual(expected);
      expect(member.output).toBe('');
    }
  });
});
