// The kit under fake timers of jest: nothing of the kit depends on them, and nothing waits for a test that moves them.

import cluster from '../../src/index';
import { faultProxy, leakCheck, manualClock, mockUpstream, sharedGroup, waitFor } from '../../src/testing';
import { recordingLogger } from '../support/recording-logger';

class Feed {
  async get(key: string): Promise<string> {
    return Promise.resolve(key);
  }
  subscribe(_key: string, _listener: (value: number) => void): void {}
  close(): void {}
}

const openSingle = (feed: { Class: typeof Feed }) =>
  cluster(feed.Class, { singleMode: true, logger: recordingLogger() }).create();

describe.each([
  ['all timers', {}],
  ['all timers but nextTick', { doNotFake: ['nextTick' as const] }],
])('with %s faked', (_name, config) => {
  let check: () => Promise<void>;
  beforeEach(() => {
    jest.useFakeTimers(config);
    check = leakCheck();
  });
  afterEach(async () => {
    await check();
    jest.useRealTimers();
  });

  it('a mock is ready, delivers and answers', async () => {
    const feed = mockUpstream(Feed).answer('get', 'x');
    const client = openSingle(feed);
    await client.ready();
    const heard: number[] = [];
    client.subscribe('key', (value) => heard.push(value));
    feed.set('key', 1);
    await waitFor(() => heard.length === 1);
    const held = feed.delayNext('get');
    const call = client.get('a');
    await held.made;
    held.release();
    expect(await call).toBe('x');
    await client.close();
  });

  it('a group fails over', async () => {
    const feed = mockUpstream(Feed).answer('get', 'x');
    const group = await sharedGroup(feed.Class);
    const killed = await group.killLeader();
    expect(await group.leader()).not.toBe(killed);
    await group.ready();
    expect(await group.members[1]!.client.get('a')).toBe('x');
    await group.close();
  });

  it('the fake clock moves no client, and the clock of the kit does', async () => {
    const clock = manualClock();
    const feed = mockUpstream(Feed);
    const client = clock.drive(() => openSingle(feed));
    await client.ready();
    feed.delayNext('get');
    const call = client.with({ timeoutMs: 1_000 }).get('a');
    let failure: unknown;
    call.catch((error: unknown) => (failure = error));
    jest.advanceTimersByTime(60_000);
    await clock.advanceAsync(999);
    expect(failure).toBeUndefined();
    await clock.advanceAsync(1);
    expect(failure).toMatchObject({ code: 'ERR_TRUNKLINE_CALL_TIMEOUT' });
    await client.close();
  });

  it('waiting ends, and says what was waited for', async () => {
    await expect(waitFor(() => false, { timeoutMs: 20 })).rejects.toMatchObject({
      code: 'ERR_TRUNKLINE_WAIT_TIMEOUT',
      message: expect.stringContaining('() => false'),
    });
    const proxy = await faultProxy(1);
    await expect(leakCheck({ timeoutMs: 1 })()).resolves.toBeUndefined();
    await expect(check()).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_LEFT_OPEN' });
    await proxy.close();
  }, 30_000);
});
