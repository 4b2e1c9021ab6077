// Many channels, many keys, many clients.

import cluster from '../../src/index';
import { RegistryClient } from '../fixtures/registry-client';
import { Child } from '../support/child';
import { eventually } from '../support/eventually';
import { Crew } from '../support/member';
import { leavesNothingOpen } from '../support/open-handles';
import { freePort } from '../support/ports';
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

function create(options: object = {}) {
  const client = cluster(RegistryClient, { port, logger: recordingLogger(), ...options }).create();
  open.push(client);
  return client;
}

test('forty channels with three clients each live in one process without a warning', async () => {
  const crowd = new Child('crowd', { CROWD: JSON.stringify({ port, channels: 40, followers: 2 }) });
  try {
    const done = await crowd.message('all is done', ({ type }) => type === 'done');
    expect(done).toMatchObject({ values: 120, upstreams: 40, areRight: true, warnings: [] });
    expect(await crowd.exited).toEqual({ code: 0, signal: null });
    expect(crowd.output).toBe('');
  } finally {
    await crowd.stop();
  }
});

test('a follower of five thousand keys gets the value of each, again after a failover', async () => {
  const keys = Array.from({ length: 5_000 }, (_, index) => `key ${index}`);
  const first = crew.start({ options: { port, isLeader: true, name: 'RegistryClient' } });
  await first.ready();
  const follower = create();
  const newest = new Map<string, number>();
  for (const key of keys) follower.subscribe({ key }, (value) => newest.set(key, value.pid));
  await eventually('all values', () => newest.size === keys.length);
  expect(new Set(newest.values())).toEqual(new Set([first.pid]));
  await first.stop();
  await eventually('all values from this process', () => [...newest.values()].every((pid) => pid === process.pid));
});

test('clients of one channel in one process share one upstream client, and one takes over when another closes', async () => {
  const created = RegistryClient.created;
  const clients = [create(), create(), create()] as const;
  const values = clients.map((client) => {
    const list: unknown[] = [];
    client.subscribe({ key: 'config' }, ({ data }) => list.push(data));
    return list;
  });
  await Promise.all(clients.map((client) => client.ready()));
  expect(RegistryClient.created - created).toBe(1);
  const leader = clients.find((client) => client.isClusterClientLeader)!;
  expect(clients.filter((client) => client.isClusterClientLeader)).toHaveLength(1);
  RegistryClient.live!.set('config', 'from the first');
  await eventually('all have it', () => values.every((list) => list.at(-1) === 'from the first'));

  await leader.close();
  const others = clients.filter((client) => client !== leader);
  await Promise.all(others.map((client) => client.ready()));
  expect(others.filter((client) => client.isClusterClientLeader)).toHaveLength(1);
  expect(RegistryClient.created - created).toBe(2);
  RegistryClient.live!.set('config', 'from the second');
  await eventually('all others have it', () => values.filter((list) => list.at(-1) === 'from the second').length === 2);
});

test('two channels on one port keep their values apart', async () => {
  const red = create({ name: 'red', isLeader: true });
  await red.ready();
  const redUpstream = RegistryClient.live!;
  const blue = create({ name: 'blue', isLeader: true });
  await blue.ready();
  const blueUpstream = RegistryClient.live!;
  const followers = { red: create({ name: 'red', isLeader: false }), blue: create({ name: 'blue', isLeader: false }) };
  const newest = { red: undefined as unknown, blue: undefined as unknown };
  for (const name of ['red', 'blue'] as const) {
    followers[name].subscribe({ key: 'config' }, ({ data }) => {
      newest[name] = data;
    });
  }
  await eventually('first values', () => newest.red === 'first' && newest.blue === 'first');
  redUpstream.set('config', 'red');
  blueUpstream.set('config', 'blue');
  await eventually('each its own', () => newest.red === 'red' && newest.blue === 'blue');
  // One channel ends, and the other does not notice.
  await followers.red.close();
  await red.close();
  blueUpstream.set('config', 'blue again');
  await eventually('blue lives', () => newest.blue === 'blue again');
  expect(await followers.blue.echo('hello')).toMatchObject({ args: ['hello'] });
});

test('a follower of a channel that the port holder does not lead yet is served once it does', async () => {
  await create({ name: 'red', isLeader: true }).ready();
  const early = create({ name: 'blue', isLeader: false });
  const late = create({ name: 'blue', isLeader: true });
  await Promise.all([early.ready(), late.ready()]);
  expect(await early.echo('hello')).toMatchObject({ args: ['hello'] });
});

test('a channel that the port holder does not have is led by the first process that asks for it', async () => {
  const holder = crew.start({ options: { port, name: 'red' } });
  await holder.ready();
  const leader = crew.start({ options: { port, name: 'blue' }, subscribe: ['config'] });
  expect(await leader.message('readiness', ({ type }) => type === 'ready')).toMatchObject({ isLeader: true });
  const follower = crew.start({ options: { port, name: 'blue' }, subscribe: ['config'] });
  expect(await follower.message('readiness', ({ type }) => type === 'ready')).toMatchObject({ isLeader: false });
  expect((await follower.value('a value', () => true)).value.pid).toBe(leader.pid);
});
