// AbortSignals among the arguments of a call, in every role: the method gets a signal that is aborted when the caller's is.

import { getEventListeners } from 'node:events';
import cluster from '../../src';
import type { ClientOptions } from '../../src/options';
import { eventually } from '../support/eventually';
import { readyIn, ROLES } from '../support/in-role';
import { freePort } from '../support/ports';
import { recordingLogger } from '../support/recording-logger';

interface Options {
  signal?: AbortSignal | undefined;
  other?: AbortSignal | undefined;
  depth?: number;
}

/** A class whose methods end when they are told to. */
function feedClass() {
  const received: unknown[][] = [];
  return class Feed {
    static readonly received = received;
    async get(...args: unknown[]): Promise<unknown> {
      received.push(args);
      await Promise.resolve();
      return args.length;
    }
    async wait(signal: AbortSignal): Promise<never> {
      received.push([signal]);
      return new Promise((_, reject) => {
        signal.addEventListener('abort', () => reject(new Error('stopped', { cause: signal.reason })));
        if (signal.aborted) reject(new Error('stopped at once', { cause: signal.reason }));
      });
    }
    async search(options: Options): Promise<string> {
      received.push([options]);
      return new Promise((resolve) =>
        options.signal!.addEventListener('abort', () => resolve(`ended in depth ${options.depth}`)),
      );
    }
  };
}

let Feed: ReturnType<typeof feedClass>;
let port: number;
const open: object[] = [];

beforeEach(async () => {
  Feed = feedClass();
  port = await freePort();
});

afterEach(async () => {
  await Promise.all(open.splice(0).map((client) => cluster.close(client)));
});

function build(options: ClientOptions) {
  const client = cluster(Feed, { name: 'feed', port, logger: recordingLogger(), ...options }).create();
  client.on('error', () => undefined);
  open.push(client);
  return client;
}

describe.each(ROLES)('%s', (role) => {
  const ready = () => readyIn(role, build);

  const called = (times = 1) => eventually('the call', () => Feed.received.length === times);

  it('an argument that is a signal is aborted in the method, with the reason', async () => {
    const client = await ready();
    const life = new AbortController();
    const call = client.wait(life.signal);
    await called();
    const [signal] = Feed.received[0] as [AbortSignal];
    expect(signal).toBeInstanceOf(AbortSignal);
    expect(signal.aborted).toBe(false);
    life.abort(Object.assign(new TypeError('enough'), { code: 'E_ENOUGH' }));
    await expect(call).rejects.toMatchObject({ message: 'stopped' });
    expect(signal.reason).toMatchObject({ name: 'TypeError', message: 'enough', code: 'E_ENOUGH' });
  });

  it('a signal in an options object stands there, beside the other options', async () => {
    const client = await ready();
    const life = new AbortController();
    const given: Options = { depth: 2, signal: life.signal };
    const call = client.search(given);
    await called();
    expect(given.signal).toBe(life.signal);
    life.abort();
    await expect(call).resolves.toBe('ended in depth 2');
    const [{ signal }] = Feed.received[0] as [Options];
    expect(signal!.reason).toMatchObject({ name: 'AbortError' });
  });

  it('a signal that is aborted already is aborted in the method', async () => {
    const client = await ready();
    await expect(client.wait(AbortSignal.abort('said before'))).rejects.toThrow(/^stopped/);
    const [signal] = Feed.received[0] as [AbortSignal];
    expect(signal.reason).toBe('said before');
  });

  it('one signal in several places is one signal, and others are others', async () => {
    const client = await ready();
    const one = new AbortController();
    const other = new AbortController();
    await client.get(one.signal, { signal: one.signal, other: other.signal }, 'x');
    const [first, options, last] = Feed.received[0] as [AbortSignal, Options, string];
    expect(options.signal).toBe(first);
    expect(options.other).not.toBe(first);
    expect(options.other).toBeInstanceOf(AbortSignal);
    expect(last).toBe('x');
  });

  it('a call that has expired can still be aborted', async () => {
    const client = await ready();
    const life = new AbortController();
    await expect(client.with({ timeoutMs: 1 }).wait(life.signal)).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_CALL_TIMEOUT' });
    await called();
    const [signal] = Feed.received[0] as [AbortSignal];
    expect(signal.aborted).toBe(false);
    life.abort('too late');
    await eventually('the abort', () => signal.aborted);
    expect(signal.reason).toBe('too late');
  });

  it('nothing listens to the signal of a call that has ended', async () => {
    const client = await ready();
    const { signal } = new AbortController();
    let listeners = 0;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = (...args: Parameters<typeof add>) => (listeners++, add(...args));
    signal.removeEventListener = (...args: Parameters<typeof remove>) => (listeners--, remove(...args));
    await client.get(signal);
    await eventually('the end of listening', () => listeners === 0);
  });
});

describe('over a connection', () => {
  it('the method is told when the process that called is gone', async () => {
    const leader = build({ isLeader: true });
    await leader.ready();
    const follower = build({ isLeader: false });
    await follower.ready();
    const call = follower.wait(new AbortController().signal);
    call.catch(() => undefined);
    await eventually('the call', () => Feed.received.length === 1);
    await follower.close();
    const [signal] = Feed.received[0] as [AbortSignal];
    await eventually('the abort', () => signal.aborted);
    expect(signal.reason).toMatchObject({ code: 'ERR_TRUNKLINE_CALLER_LOST' });
  });

  it('many calls of one signal listen once, and all are told', async () => {
    const leader = build({ isLeader: true });
    await leader.ready();
    const follower = build({ isLeader: false });
    await follower.ready();
    const life = new AbortController();
    const calls = Array.from({ length: 20 }, () => follower.with({ signal: life.signal }).wait(life.signal));
    expect(getEventListeners(life.signal, 'abort')).toHaveLength(1);
    await eventually('the calls', () => Feed.received.length === 20);
    life.abort('enough');
    for (const { reason } of (await Promise.allSettled(calls)) as PromiseRejectedResult[]) expect(reason).toBe('enough');
    await eventually('the aborts', () => Feed.received.every(([signal]) => (signal as AbortSignal).aborted));
  });

  it('more signals than a call can carry are refused, and nothing is called', async () => {
    const leader = build({ isLeader: true });
    await leader.ready();
    const follower = build({ isLeader: false });
    await follower.ready();
    const signals = Array.from({ length: 17 }, () => new AbortController().signal);
    await expect(follower.get(...signals)).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_NOT_ENCODABLE' });
    expect(Feed.received).toEqual([]);
  });

  it('a signal in a place that cannot be told to the leader is refused, and the next call goes on', async () => {
    const leader = build({ isLeader: true });
    await leader.ready();
    const follower = build({ isLeader: false });
    await follower.ready();
    const { signal } = new AbortController();
    await expect(follower.get({ ['x'.repeat(40_000)]: signal })).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_NOT_ENCODABLE' });
    const places: unknown[] = Array.from({ length: 2 ** 16 }, () => 1);
    await expect(follower.get(...places, signal)).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_NOT_ENCODABLE' });
    expect(Feed.received).toEqual([]);
    await expect(follower.get(signal)).resolves.toBe(1);
  });
});
