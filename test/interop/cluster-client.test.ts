// A host on which some processes still run cluster-client 3.7: each side in each role, over real sockets.

import legacy from 'cluster-client';
import cluster from '../../src';
import { eventually } from '../support/eventually';
import { upstreamClass, type FakeUpstream } from '../support/fake-upstream';
import { freePort } from '../support/ports';
import { recordingLogger, type RecordingLogger } from '../support/recording-logger';

interface AnyClient {
  ready(): Promise<void>;
  on(event: string, listener: (error: Error) => void): void;
  isClusterClientLeader: boolean;
  subscribe(registration: unknown, listener: (value: unknown) => void): void;
  unSubscribe(registration: unknown, listener?: (value: unknown) => void): void;
  publish(registration: unknown): void;
  echo(value: unknown): Promise<unknown>;
  fail(): Promise<unknown>;
  withCallback(value: unknown, callback?: (...results: unknown[]) => void): Promise<unknown>;
  countArguments(...args: unknown[]): Promise<number>;
  never(): Promise<unknown>;
}

interface Library {
  create(upstreamClass: unknown, options: object): AnyClient;
  close(client: AnyClient): Promise<void>;
}

const ours: Library = {
  create: (upstream, options) =>
    cluster(upstream as typeof FakeUpstream, options)
      .delegate('withCallback')
      .delegate('never')
      .create(),
  close: (client) => cluster.close(client),
};

const theirs: Library = {
  create: (upstream, options) =>
    legacy(upstream, options)
      .delegate('echo')
      .delegate('fail')
      .delegate('withCallback')
      .delegate('never')
      .delegate('scan')
      .create() as AnyClient,
  close: (client) => legacy.close(client),
};

/** A call as a process of cluster-client makes it that delegates the method without knowing that it gives a stream. */
function legacyScan(client: AnyClient): Promise<unknown> {
  return (client as unknown as { scan(): Promise<unknown> }).scan();
}

describe.each([
  { name: 'our follower of their leader', leading: theirs, following: ours },
  { name: 'their follower of our leader', leading: ours, following: theirs },
])('$name', ({ leading, following }) => {
  let Registry: ReturnType<typeof upstreamClass>;
  let leader: AnyClient;
  let follower: AnyClient;
  let options: {
    logger: RecordingLogger;
    name: string;
    responseTimeout: number;
    heartbeatInterval: number;
    allowLegacyPeers: boolean;
  };

  /** Both limits are long, except in tests of the limits: a busy machine takes its time for many calls at once. */
  async function start({ responseTimeout = 60_000, heartbeatInterval = 20_000 } = {}): Promise<void> {
    Registry = upstreamClass();
    options = {
      logger: recordingLogger(),
      name: 'Interop',
      responseTimeout,
      heartbeatInterval,
      allowLegacyPeers: true,
    };
    const port = await freePort();
    leader = leading.create(Registry, { ...options, port, isLeader: true });
    leader.on('error', () => undefined);
    await leader.ready();
    follower = following.create(Registry, { ...options, port, isLeader: false });
    follower.on('error', () => undefined);
    await follower.ready();
  }

  async function stop(): Promise<void> {
    await following.close(follower);
    await leading.close(leader);
  }

  beforeEach(() => start());
  afterEach(stop);

  it('streams are refused with a code on either side, as older versions do not know them', async () => {
    const scan = (follower as unknown as { scan?: () => AsyncGenerator<number> }).scan;
    if (following === ours) {
      const stream = scan!.call(follower);
      await expect(stream.next()).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_NOT_SHARED', method: 'scan' });
      await expect(stream.next()).resolves.toEqual({ done: true, value: undefined });
      return;
    }
    const outcome = legacyScan(follower);
    await expect(outcome).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_NOT_SHARED' });
  });

  it('shares one upstream client', () => {
    expect(Registry.instances).toHaveLength(1);
    expect(leader.isClusterClientLeader).toBe(true);
    expect(follower.isClusterClientLeader).toBe(false);
  });

  it('runs calls', async () => {
    await expect(follower.echo({ a: [1, 'ü', null, undefined], at: new Date(9), bytes: Buffer.from('x') })).resolves.toEqual({
      a: [1, 'ü', null, undefined],
      at: new Date(9),
      bytes: Buffer.from('x'),
    });
  });

  it('runs many calls at once', async () => {
    const values = Array.from({ length: 500 }, (_, i) => i);
    await expect(Promise.all(values.map((value) => follower.echo(value)))).resolves.toEqual(values);
  });

  it('runs callback methods', async () => {
    const results = await new Promise<unknown[]>((resolve) => {
      void follower.withCallback('x', (...args) => resolve(args));
    });
    expect(results[0] ?? null).toBeNull();
    expect(results[1]).toBe('x');
    await expect(follower.withCallback('y')).resolves.toBe('y');
  });

  it('passes errors on', async () => {
    await expect(follower.fail()).rejects.toMatchObject({ name: 'TypeError', message: 'no such thing', code: 42 });
  });

  it('ends a call without an answer by the time limit', async () => {
    await stop();
    await start({ responseTimeout: 500 });
    await expect(follower.never()).rejects.toMatchObject({ name: 'ResponseTimeoutError' });
  });

  it('delivers values, in order, for registrations of any property order', async () => {
    const seen: unknown[] = [];
    follower.subscribe({ z: 1, dataId: 'ü', a: { d: 1, c: 2 } }, (value) => seen.push(value));
    await eventually('the upstream subscription', () => Registry.last.subscribed.length > 0);
    expect(Registry.last.subscribed[0]).toEqual({ z: 1, dataId: 'ü', a: { d: 1, c: 2 } });
    for (let i = 0; i < 100; i++) Registry.last.push(Registry.last.subscribed[0], { i });
    await eventually('all values', () => seen.length === 100);
    expect(seen).toEqual(Array.from({ length: 100 }, (_, i) => ({ i })));
  });

  it('replays the last value to a follower that comes late', async () => {
    leader.subscribe('key', () => undefined);
    await eventually('the upstream subscription', () => Registry.last.subscribed.length > 0);
    Registry.last.push('key', 'last');
    const seen: unknown[] = [];
    follower.subscribe('key', (value) => seen.push(value));
    await eventually('the replay', () => seen.length > 0);
    expect(seen).toEqual(['last']);
  });

  it('stops delivering after unSubscribe', async () => {
    const seen: unknown[] = [];
    const fence: unknown[] = [];
    follower.subscribe('key', (value) => seen.push(value));
    follower.subscribe('fence', (value) => fence.push(value));
    await eventually('both subscriptions', () => Registry.last.subscribed.length === 2);
    Registry.last.push('key', 1);
    await eventually('the value', () => seen.length === 1);
    follower.unSubscribe('key');
    await follower.echo('unsubscribed by now');
    Registry.last.push('key', 2);
    Registry.last.push('fence', 1);
    await eventually('the fence', () => fence.length === 1);
    expect(seen).toEqual([1]);
  });

  it('publishes', async () => {
    follower.publish({ service: 'a' });
    await eventually('the publication', () => Registry.last.published.length === 1);
    expect(Registry.last.published).toEqual([{ service: 'a' }]);
  });

  it.each(['without traffic', 'while events arrive'])('stays connected over many heartbeat intervals %s', async (traffic) => {
    await stop();
    await start({ heartbeatInterval: 200 });
    follower.subscribe('key', () => undefined);
    await eventually('the upstream subscription', () => Registry.last.subscribed.length === 1);
    const end = Date.now() + 6 * options.heartbeatInterval;
    await eventually('six intervals', () => {
      if (traffic === 'while events arrive') Registry.last.push('key', Date.now());
      return Date.now() > end;
    });
    await expect(follower.echo('still here')).resolves.toBe('still here');
    expect(options.logger.lines.filter(({ message }) => /lost|closed/.test(message))).toEqual([]);
  });
});

it('our client leads on after a leader of cluster-client has gone', async () => {
  const Registry = upstreamClass();
  const port = await freePort();
  const options = { logger: recordingLogger(), name: 'Interop', port, allowLegacyPeers: true };
  const old = theirs.create(Registry, options);
  await old.ready();
  const next = ours.create(Registry, options);
  const seen: unknown[] = [];
  next.subscribe('key', (value) => seen.push(value));
  await next.ready();
  expect(next.isClusterClientLeader).toBe(false);
  await theirs.close(old);
  await eventually('leadership', () => next.isClusterClientLeader);
  Registry.last.push('key', 'of the new leader');
  await eventually('the value', () => seen.length > 0);
  await ours.close(next);
});
