// Groups of real processes: calls, messages, kill -9 and SIGSTOP. The kit runs from dist, because it forks a program of its own.

import { join } from 'node:path';
import type * as Kit from '../../src/testing';
import { leavesNothingOpen } from '../support/open-handles';

const DIST = join(__dirname, '../../dist');
const { processGroup, waitFor } = jest.requireActual<typeof Kit>(join(DIST, 'src/testing/index.js'));
type Module = typeof import('../fixtures/price-member');
const MODULE = join(DIST, 'test/fixtures/price-member.js');

leavesNothingOpen();

let group: Kit.ProcessGroup<Module> | undefined;
afterEach(async () => {
  await group?.close();
  group = undefined;
});
const start = async (options: Kit.ProcessGroupOptions = {}) => (group = await processGroup<Module>(MODULE, options));

it('one process makes the upstream client, and every process uses it', async () => {
  const { members } = await start();
  const leader = await group!.leader();
  expect(new Set(members.map(({ pid }) => pid)).size).toBe(3);
  expect(await Promise.all(members.map((member) => member.call('quote', 'ABC')))).toEqual(Array(3).fill(leader.pid));
  const made = await Promise.all(members.map((member) => member.call('instances')));
  expect(made.sort()).toEqual([0, 0, 1]);
});

it('values reach every process, and the test by messages', async () => {
  const { members } = await start();
  const leader = await group!.leader();
  await waitFor(async () => (await leader.call('push', 250)) === 1);
  await Promise.all(members.map((member) => member.message(({ heard }) => heard === 250)));
});

it('another process leads when the leader is killed with kill -9', async () => {
  await start();
  const killed = await group!.killLeader();
  expect(killed.isAlive).toBe(false);
  const leader = await group!.leader();
  await group!.ready();
  expect(group!.members).toHaveLength(2);
  expect(await Promise.all(group!.members.map((member) => member.call('quote', 'ABC')))).toEqual([leader.pid, leader.pid]);
  await expect(killed.call('quote', 'ABC')).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_GROUP_FAILED' });
  const late = group!.add();
  await late.ready();
  expect(await late.call('quote', 'ABC')).toBe(leader.pid);
});

it('a stopped process does not answer until it goes on', async () => {
  await start({ members: 2, options: { heartbeatInterval: 200, responseTimeout: 60_000 } });
  const leader = await group!.leader();
  const [follower] = await group!.followers();
  group!.freeze(leader);
  await expect(follower!.call('quote', 'ABC')).rejects.toMatchObject({
    name: 'SocketCloseError',
    code: 'ERR_TRUNKLINE_LEADER_LOST',
  });
  group!.thaw(leader);
  await group!.ready();
  expect(await follower!.call('quote', 'ABC')).toBe(leader.pid);
});

it('a partition is silent, and heals', async () => {
  await start({ partitions: true, options: { heartbeatInterval: 200, responseTimeout: 60_000 } });
  const leader = await group!.leader();
  const [one, other] = await group!.followers();
  await group!.partition([one!]);
  await expect(one!.call('quote', 'ABC')).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_LEADER_LOST' });
  expect(await other!.call('quote', 'ABC')).toBe(leader.pid);
  group!.heal();
  await waitFor(() => one!.call('quote', 'ABC').catch(() => undefined), { timeoutMs: 60_000 });
  await group!.killLeader();
  const next = await group!.leader();
  await group!.ready();
  expect(await Promise.all(group!.members.map((member) => member.call('quote', 'ABC')))).toEqual([next.pid, next.pid]);
});

it('a partition without the option says what to do', async () => {
  await start({ members: 1 });
  await expect(group!.partition()).rejects.toThrow('partitions: true');
});

it('errors of the module arrive with name, code and stack', async () => {
  await start({ members: 1 });
  const [member] = group!.members;
  const error = (await member!.call('fail').catch((reason: unknown) => reason)) as Error;
  expect(error).toMatchObject({ name: 'RangeError', message: 'out of stock', code: 'E_STOCK' });
  expect(error.stack).toContain('price-member');
  await expect(member!.call('giveFunction')).rejects.toThrow('cannot be sent');
  // @ts-expect-error -- the module has no such function
  await expect(member!.call('quoet')).rejects.toThrow('does not export a function quoet');
  // @ts-expect-error -- an argument of another type
  await member!.call('quote', 7);
});

it('a process that ends by itself rejects what is asked of it, with its last words', async () => {
  await start({ members: 1 });
  const [member] = group!.members;
  const failed = expect(member!.call('end')).rejects;
  await failed.toMatchObject({ code: 'ERR_TRUNKLINE_GROUP_FAILED', message: expect.stringMatching(/code 3[^]*the last words/) });
});

it('a module that fails to create its client fails the start, with the reason', async () => {
  await expect(start({ options: { name: 'broken' } })).rejects.toMatchObject({
    code: 'ERR_TRUNKLINE_GROUP_FAILED',
    message: expect.stringContaining('no feed today'),
    cause: { name: 'RangeError', code: 'E_SUNDAY' },
  });
  await expect(processGroup(join(DIST, 'no-such-module.js'))).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_GROUP_FAILED' });
  await expect(processGroup(join(DIST, 'src/errors.js'), { members: 1 })).rejects.toThrow('does not export a function create');
});
