// client.status(): the state of a client, and what the client waits for.

import net from 'node:net';
import cluster from '../../src/index';
import { eventually } from '../support/eventually';
import { leavesNothingOpen } from '../support/open-handles';
import { freePort } from '../support/ports';
import { recordingLogger } from '../support/recording-logger';

leavesNothingOpen();

class Feed {
  static isDown = false;
  static becomesReady: Promise<void> = Promise.resolve();

  async ready(): Promise<void> {
    if (Feed.isDown) throw Object.assign(new Error('no route to the feed'), { code: 'ENOROUTE' });
    await Feed.becomesReady;
  }

  async get(): Promise<string> {
    return Promise.resolve('value');
  }
}

let port: number;
const open: { close(): Promise<unknown> }[] = [];

function create(options: object = {}) {
  const client = cluster(Feed, { name: 'feed', port, logger: recordingLogger(), ...options }).create();
  client.on('error', () => undefined);
  open.push(client);
  return client;
}

beforeEach(async () => {
  Feed.isDown = false;
  Feed.becomesReady = Promise.resolve();
  port = await freePort();
});

afterEach(async () => {
  await Promise.all(open.splice(0).map((each) => each.close()));
});

test('a leader and its follower are ready, and say in which part and term', async () => {
  const leader = create();
  await leader.ready();
  const follower = create();
  await follower.ready();
  expect(leader.status()).toMatchObject({ channel: 'feed', state: 'ready', role: 'leader', term: 1, port, reason: undefined });
  expect(leader.status().followers).toEqual([
    { remotePort: expect.any(Number) as number, outboxBytes: 0, skippedEvents: 0, streams: 0 },
  ]);
  expect(follower.status()).toMatchObject({ state: 'ready', role: 'follower', term: 1, port, followers: [], skippedEvents: 0 });
});

test('the reason why nobody leads is the present one, also after it was reported', async () => {
  const waiting = create({ isLeader: false, maxWaitTime: 50 });
  await expect(waiting.ready()).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_NO_LEADER' });
  expect(waiting.status().reason).toMatchObject({ message: expect.stringContaining('nobody leads on') as string });
  const other = create({ name: 'other' });
  await other.ready();
  await eventually('the new reason', () => /it says: .*"other"/.test(waiting.status().reason!.message));
  expect(waiting.status().reason).toMatchObject({ code: 'ERR_TRUNKLINE_NO_LEADER' });
});

test('a single client has no port', async () => {
  const client = create({ singleMode: true });
  await client.ready();
  expect(client.status()).toMatchObject({ state: 'ready', role: 'single', port: undefined });
});

test('a follower whose port nobody holds waits for a leader', async () => {
  const client = create({ isLeader: false });
  await eventually('it has looked', () => client.status().state === 'waiting for a leader');
  expect(client.status()).toMatchObject({ role: undefined, term: 0 });
});

test('a follower of a channel that the port holder does not know waits for a leader', async () => {
  await create({ name: 'other' }).ready();
  const client = create({ isLeader: false });
  await eventually('it was told', () => client.status().state === 'waiting for a leader');
});

test('everybody waits for an upstream client that takes its time', async () => {
  let ready!: () => void;
  Feed.becomesReady = new Promise((resolve) => (ready = resolve));
  const leader = create();
  await eventually('the leader waits', () => leader.status().state === 'waiting for upstream');
  const follower = create();
  await eventually('the follower waits', () => follower.status().state === 'waiting for upstream');
  ready();
  await Promise.all([leader.ready(), follower.ready()]);
  expect([leader.status().state, follower.status().state]).toEqual(['ready', 'ready']);
});

test('an upstream client that fails is told with its reason, to the leader and to who follows', async () => {
  Feed.isDown = true;
  const leader = create({ isLeader: true });
  const follower = create({ isLeader: false });
  for (const client of [leader, follower]) {
    await eventually('it knows why', () => client.status().reason?.code === 'ENOROUTE');
    expect(client.status()).toMatchObject({ state: 'waiting for upstream', reason: { message: 'no route to the feed' } });
  }
  Feed.isDown = false;
  await eventually('both are ready', () => [leader, follower].every((client) => client.status().state === 'ready'));
  expect(leader.status().reason).toBeUndefined();
});

test('a port in foreign hands refuses, with what was heard there', async () => {
  const foreign = net.createServer((socket) => {
    socket.on('error', () => undefined).resume(); // needed to notice the end of the other side
    socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
  });
  await new Promise<void>((resolve) => foreign.listen(port, '127.0.0.1', resolve));
  const client = create();
  await eventually('it is refused', () => client.status().state === 'refused');
  expect(client.status().reason).toMatchObject({ code: 'ERR_TRUNKLINE_PORT_FOREIGN' });
  await client.close();
  await new Promise((resolve) => foreign.close(resolve));
});

test('a closed client says so', async () => {
  const client = create();
  await client.ready();
  await client.close();
  expect(client.status()).toMatchObject({ state: 'closed', role: undefined, reason: undefined });
});

test('a class with an asynchronous status of its own keeps it', async () => {
  class Door {
    async status(): Promise<string> {
      return Promise.resolve('ajar');
    }
  }
  const client = cluster(Door, { port, logger: recordingLogger() }).create();
  open.push(client);
  expect(await client.status()).toBe('ajar');
});

test('cluster.status() tells of all open clients of the process', async () => {
  const leader = create();
  await leader.ready();
  const other = create({ name: 'other', singleMode: true });
  await other.ready();
  expect(cluster.status().map(({ channel, state, role }) => [channel, state, role])).toEqual([
    ['feed', 'ready', 'leader'],
    ['other', 'ready', 'single'],
  ]);
  await leader.close();
  expect(cluster.status().map(({ channel }) => channel)).toEqual(['other']);
});
