// Faults of the network between a follower and the leader, made by a proxy with real sockets.

import cluster from '../../src/index';
import { RegistryClient, type Value } from '../fixtures/registry-client';
import { eventually } from '../support/eventually';
import { leavesNothingOpen } from '../support/open-handles';
import { Stopwatch } from '../support/pauses';
import { freePort } from '../support/ports';
import { recordingLogger, type RecordingLogger } from '../support/recording-logger';
import { FaultProxy } from '../../src/testing/fault-proxy';

leavesNothingOpen();

const heartbeatInterval = 200;
const FAST_MS = 3 * heartbeatInterval;

/** Proofs hold for the port that was dialled, so nobody proves anything behind a proxy. */
const create = (port: number, isLeader: boolean, logger: RecordingLogger, options: object = {}) =>
  cluster(RegistryClient, { port, isLeader, logger, heartbeatInterval, auth: false, ...options })
    .delegate('never')
    .create();
type Client = ReturnType<typeof create>;

const logger = { leader: recordingLogger(), follower: recordingLogger() };
let port: number;
let proxy: FaultProxy;
let leader: Client;
let follower: Client;
let received: Value[];

beforeEach(async () => {
  for (const { lines } of Object.values(logger)) lines.length = 0;
  received = [];
  port = await freePort();
  proxy = await FaultProxy.start(port);
});

afterEach(async () => {
  await follower.close();
  await leader.close();
  await proxy.close();
});

/** Starts a leader, and a follower behind the proxy. */
async function start(options: object = {}): Promise<void> {
  leader = create(port, true, logger.leader, options);
  await leader.ready();
  follower = create(proxy.port, false, logger.follower, options);
  follower.on('error', () => undefined);
  follower.subscribe({ key: 'config' }, (value) => received.push(value));
}

const isReady = (): Promise<boolean> =>
  follower.ready().then(
    () => true,
    () => false,
  );

/** Sets a value in the leader, and waits until the follower has the value; values of the follower never were out of order. */
async function followerEndsOn(data: unknown): Promise<void> {
  RegistryClient.live!.set('config', data);
  await eventually('the newest value', () => JSON.stringify(received.at(-1)?.data) === JSON.stringify(data));
  const versions = received.map(({ version }) => version);
  expect(versions).toEqual([...versions].sort((a, b) => a - b));
}

const failureOf = (call: Promise<unknown>): Promise<unknown> =>
  call.then(
    () => 'answered',
    (error: unknown) => error,
  );

test('a half-open connection is found by pings on both sides, and replaced', async () => {
  await start();
  await follower.ready();
  await followerEndsOn('before');
  const watch = new Stopwatch();
  proxy.swallow();
  const error = await failureOf(follower.echo());
  expect(watch.ownMs()).toBeLessThan(FAST_MS + 300);
  expect(error).toMatchObject({
    code: 'ERR_TRUNKLINE_LEADER_LOST',
    cause: { code: 'ERR_TRUNKLINE_PEER_SILENT', side: 'leader' },
  });
  await eventually('the leader has noticed too', () =>
    logger.leader.lines.some(({ message }) => message.includes('the follower was silent')),
  );
  await expect(follower.ready()).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_PORT_FOREIGN' });
  RegistryClient.live!.set('config', 'meanwhile');

  proxy.stopSwallowing();
  await eventually('ready again', isReady);
  await eventually('what was missed', () => received.at(-1)?.data === 'meanwhile');
  await followerEndsOn('after');
});

test.each(['toTarget', 'toClient'] as const)(
  'a connection that is dead in one direction only (%s) is found',
  async (direction) => {
    await start();
    await follower.ready();
    const watch = new Stopwatch();
    proxy.pause(direction);
    expect(await failureOf(follower.echo())).toMatchObject({ code: 'ERR_TRUNKLINE_LEADER_LOST' });
    expect(watch.ownMs()).toBeLessThan(FAST_MS + 300);
    proxy.resume(direction);
    await eventually('an answer', () => follower.echo().catch(() => undefined));
    await followerEndsOn('after');
  },
);

test.each(['toTarget', 'toClient'] as const)(
  'a reset in the middle of a frame (%s) loses the connection and nothing else',
  async (direction) => {
    await start();
    await follower.ready();
    await followerEndsOn('before');
    proxy.resetWithin(direction, 30);
    const call = failureOf(follower.echo('x'.repeat(10_000)));
    if (direction === 'toClient') RegistryClient.live!.set('config', 'y'.repeat(10_000));
    expect(await call).toMatchObject({ code: 'ERR_TRUNKLINE_LEADER_LOST' });
    await eventually('ready again', isReady);
    await followerEndsOn('after');
    expect(received.map(({ data }) => data)).not.toContain(undefined);
  },
);

test('everything works over a connection that passes one byte at a time', async () => {
  proxy.drips = true;
  await start({ heartbeatInterval: 5_000 });
  await follower.ready();
  expect(await follower.echo('a', undefined, { b: 1 })).toMatchObject({ args: ['a', undefined, { b: 1 }] });
  await followerEndsOn({ large: 'ü'.repeat(300) });
  expect(proxy.accepted).toBe(1);
});

test('a handshake that takes long, but not too long, succeeds at the first try', async () => {
  proxy.delayMs = 400;
  await start({ heartbeatInterval: 5_000 });
  await follower.ready();
  expect(proxy.accepted).toBe(1);
  expect(await follower.echo('late')).toMatchObject({ args: ['late'] });
});

test.each(['cut', 'reset'] as const)(
  'a connection that is %s during a call ends the call at once; the next one is answered',
  async (how) => {
    await start();
    await follower.ready();
    const call = failureOf(follower.never());
    await eventually('it runs', async () => (await follower.stats()).never === 1);
    const watch = new Stopwatch();
    proxy[how]();
    expect(await call).toMatchObject({ code: 'ERR_TRUNKLINE_LEADER_LOST', method: 'never' });
    expect(watch.ownMs()).toBeLessThan(100);
    expect(await follower.echo('again')).toMatchObject({ args: ['again'] });
    await followerEndsOn('after');
  },
);

test('connections that are accepted and not led on are reported; the client is ready once they are', async () => {
  proxy.holdsNew = true;
  await start();
  await expect(follower.ready()).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_PORT_FOREIGN' });
  proxy.holdsNew = false;
  await eventually('ready', isReady);
  await followerEndsOn('after');
});

test('a slow network in both directions breaks no connection that still moves', async () => {
  await start();
  await follower.ready();
  proxy.delayMs = heartbeatInterval / 2;
  for (let i = 0; i < 5; i++) await follower.echo(i);
  await followerEndsOn('after');
  expect(proxy.accepted).toBe(1);
});
