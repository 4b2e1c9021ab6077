// Values during a hand-off: the upstream client of the next leader may lag behind the upstream client of the old leader.

import net from 'node:net';
import cluster from '../../src';
import { systemClock } from '../../src/time';
import { eventually } from '../support/eventually';
import { FakeUpstream, upstreamClass } from '../support/fake-upstream';
import { leavesNothingOpen } from '../support/open-handles';
import { Peer } from '../support/peer';
import { freePort } from '../support/ports';
import { secretOf } from '../support/raw-peer';
import { recordingLogger } from '../support/recording-logger';

leavesNothingOpen();

/** Two upstream clients of the same server. */
const Registry = upstreamClass();

class Member {
  readonly seen: unknown[] = [];
  readonly client;

  constructor(options: object, settings: Record<string, unknown> = {}) {
    this.client = cluster(Registry, { identity: 'ignore', name: 'config', logger: recordingLogger(), ...options }).create(
      settings,
    );
    this.client.subscribe('key', (value) => this.seen.push(value));
  }

  async sees(value: unknown): Promise<void> {
    await eventually(`the value ${String(value)}`, () => this.seen.at(-1) === value);
  }
}

/** As the supervisor does for the next agent. */
function succeeding(port: number): Member {
  process.env.TRUNKLINE_SEAT = `succeeds:${port}`;
  try {
    return new Member({}, { notReady: true });
  } finally {
    Reflect.deleteProperty(process.env, 'TRUNKLINE_SEAT');
  }
}

interface RunningTimer {
  readonly timer: NodeJS.Timeout;
  readonly startedAt: string | undefined;
}

/** @returns the timers of the product that were started from now on and have neither fired nor been cleared */
function runningTimers(): ReadonlyMap<unknown, RunningTimer> {
  const running = new Map<unknown, RunningTimer>();
  const { setTimeout: start, clearTimeout: clear } = systemClock;
  jest.spyOn(systemClock, 'setTimeout').mockImplementation((callback, delayMs) => {
    const timer = start(() => {
      running.delete(timer);
      callback();
    }, delayMs);
    running.set(timer, { timer: timer as NodeJS.Timeout, startedAt: new Error(`${delayMs} ms`).stack });
    return timer;
  });
  jest.spyOn(systemClock, 'clearTimeout').mockImplementation((timer) => {
    running.delete(timer);
    clear(timer);
  });
  return running;
}

afterEach(() => {
  jest.restoreAllMocks();
});

test.each(['closes', 'is succeeded'])(
  'a leader that %s delivers until the next one is there, and nothing after it',
  async (how) => {
    const port = await freePort();
    const before = new Member({ port });
    await before.client.ready();
    const upstreamBefore = Registry.last;
    const followers = [new Member({ port, isLeader: false }), new Member({ port, isLeader: false })];
    const successor = how === 'closes' ? new Member({ port }, { notReady: true }) : undefined;
    const there = [before, ...followers, ...(successor ? [successor] : [])];
    await Promise.all(there.map((member) => member.client.ready()));
    upstreamBefore.push('key', 'first');
    await Promise.all(there.map((member) => member.sees('first')));

    const closed = successor && before.client.close();
    const next = successor ?? succeeding(port);
    await eventually('the next upstream client', () => Registry.last !== upstreamBefore);
    upstreamBefore.push('key', 'second');
    await Promise.all(followers.map((member) => member.sees('second')));

    const upstreamNext = Registry.last;
    upstreamNext.subscribe = function (registration, listener) {
      upstreamBefore.push('key', 'too late'); // nobody may have this value: the server gives the next leader an older value
      FakeUpstream.prototype.subscribe.call(this, registration, listener);
      this.push('key', 'third');
    };
    upstreamNext.ready(true);
    await Promise.all([next, ...followers].map((member) => member.sees('third')));
    await closed;
    if (!closed) await before.sees('third');
    for (const { seen } of [next, ...followers, before]) expect(seen).not.toContain('too late');
    expect(followers.map(({ seen }) => seen)).toEqual([
      ['first', 'second', 'third'],
      ['first', 'second', 'third'],
    ]);
    for (const { client } of [...followers, before, next]) await client.close();
  },
);

test('what a process publishes again while its unPublish is under way at the leader before follows that at the next one', async () => {
  const log: string[] = [];
  const Server = upstreamClass();
  let end!: () => void;
  class Slow extends Server {
    override publish(registration: unknown): void {
      log.push(`publish ${String(registration)} at ${this === Slow.instances[0] ? 'the first' : 'the next'}`);
    }
    override unPublish(registration: unknown): Promise<void> {
      log.push(`unPublish ${String(registration)}`);
      return new Promise((resolve) => {
        end = () => {
          log.push('done');
          resolve();
        };
      });
    }
  }
  const port = await freePort();
  const create = (options: object) =>
    cluster(Slow, { port, name: 'slow', identity: 'ignore', logger: recordingLogger(), ...options })
      .delegate('unPublish', 'invoke')
      .create();
  const before = create({});
  await before.ready();
  const follower = create({ isLeader: false });
  await follower.ready();
  follower.publish('a');
  const unpublished = follower.unPublish('a');
  follower.publish('a');
  await eventually('the call', () => log.includes('unPublish a'));

  process.env.TRUNKLINE_SEAT = `succeeds:${port}`;
  const next = create({});
  Reflect.deleteProperty(process.env, 'TRUNKLINE_SEAT');
  await next.ready();
  await eventually('the follower at the next leader', () => follower.status().term === next.status().term);
  follower.publish('b');
  await eventually('another key', () => log.includes('publish b at the next'));
  end();
  await unpublished;
  await eventually('the publication', () => log.includes('publish a at the next'));
  expect(log.indexOf('publish a at the next')).toBeGreaterThan(log.indexOf('done'));
  for (const client of [follower, before, next]) await client.close();
});

test('a next leader that closes before a follower has come leaves no timer behind that keeps the process alive', async () => {
  const running = runningTimers();
  const port = await freePort();
  const before = new Member({ port });
  await before.client.ready();
  const upstreamBefore = Registry.last;
  const next = succeeding(port);
  await eventually('the next upstream client', () => Registry.last !== upstreamBefore);
  Registry.last.ready(true);
  await next.client.ready();
  await next.client.close();
  await before.client.close();
  expect([...running.values()].filter(({ timer }) => timer.hasRef()).map(({ startedAt }) => startedAt)).toEqual([]);
});

test('a process that finds another leader when it was about to lead leaves the cluster port to that one', async () => {
  const port = await freePort();
  const made = Registry.instances.length;
  const late = new Member({ port, secret: 'the secret of both' }, { notReady: true });
  await eventually('it is about to lead', () => Registry.instances.length > made);
  const secret = await secretOf('the secret of both');
  const server = net.createServer();
  // Like every leader: takes the port that the holder gives up, or announces the leadership there again.
  for (let isBound = false; !isBound;) {
    const leader = (await Peer.at(port, secret)).announce('config', 1);
    await leader.connection.closed;
    isBound = await new Promise((resolve) => {
      server.once('error', () => {
        resolve(false);
      });
      server.listen({ port, host: '127.0.0.1', exclusive: true }, () => {
        resolve(true);
      });
    });
  }
  await new Promise((resolve) => server.close(resolve));
  expect(Registry.instances.length - made).toBeLessThan(5);
  await late.client.close();
});
