import { Base } from 'sdk-base';
import cluster from '../../src';
import { eventually } from '../support/eventually';
import { FakeUpstream, upstreamClass } from '../support/fake-upstream';
import { freePort } from '../support/ports';
import { recordingLogger } from '../support/recording-logger';

const coded = (code: string, text: string | RegExp) => expect.objectContaining({ code, message: expect.stringMatching(text) });

describe('wrong use', () => {
  it.each([
    [{ port: '7777' }, 'option port must be a whole number from 1 to 65535, but is "7777"'],
    [{ port: 0 }, 'option port'],
    [{ port: 70000 }, 'option port'],
    [{ port: NaN }, 'option port'],
    [{ name: '' }, 'option name must be a string that is not empty'],
    [{ isLeader: 'yes' }, 'option isLeader must be true or false'],
    [{ responseTimeout: -1 }, 'option responseTimeout must be a number of milliseconds above 0'],
    [{ responseTimeout: 2 ** 31 }, 'option responseTimeout must be a number of milliseconds above 0 and up to 2147483647'],
    [{ identity: 'Strict' }, "option identity must be 'strict', 'warn' or 'ignore' in lower case, or a text of your own"],
    [{ identity: '' }, 'option identity'],
    [{ heartbeatInterval: Infinity }, 'option heartbeatInterval'],
    [{ logger: {} }, 'option logger must be an object with info, warn and error'],
    [{ transcode: { encode: () => '' } }, 'option transcode must be an object with encode and decode'],
    [{ formatKey: 'id' }, 'option formatKey must be a function'],
    [{ maxOutboxBytes: 65_535 }, 'option maxOutboxBytes must be a whole number of bytes, at least 65536'],
    [{ maxOutboxBytes: 1e6 + 0.5 }, 'option maxOutboxBytes'],
    [{ delivery: 'newest' }, "option delivery must be 'latest' or 'every'"],
  ])('option %p throws at once and says what it must be', (options, text) => {
    expect(() => cluster(FakeUpstream, options as never)).toThrow(coded('ERR_TRUNKLINE_OPTION_INVALID', text));
  });

  it.each([
    ['NODE_CLUSTER_CLIENT_PORT', 'abc', 'environment variable NODE_CLUSTER_CLIENT_PORT must be a whole number'],
    ['NODE_CLUSTER_CLIENT_CONNECT_TIMEOUT', 'soon', 'environment variable NODE_CLUSTER_CLIENT_CONNECT_TIMEOUT'],
    ['TRUNKLINE_IDENTITY', 'Warn', 'environment variable TRUNKLINE_IDENTITY must be'],
  ])('environment %s=%s throws at once', (name, value, text) => {
    process.env[name] = value;
    try {
      expect(() => cluster(FakeUpstream)).toThrow(coded('ERR_TRUNKLINE_OPTION_INVALID', text));
    } finally {
      Reflect.deleteProperty(process.env, name);
    }
  });

  it('what is no class throws', () => {
    expect(() => cluster({} as never)).toThrow(coded('ERR_TRUNKLINE_OPTION_INVALID', 'must be a class'));
    expect(() => cluster((() => undefined) as never)).toThrow(coded('ERR_TRUNKLINE_OPTION_INVALID', 'must be a class'));
  });

  it('a delegate target that does not exist throws and lists those that do', () => {
    expect(() => cluster(FakeUpstream).delegate('echo', 'call' as never)).toThrow(
      coded('ERR_TRUNKLINE_DELEGATE_INVALID', 'subscribe, unSubscribe, publish, invoke, invokeOneway, stream, close'),
    );
  });

  it.each(['invoke', 'invokeOneway', 'subscribe', 'publish'] as const)('a %s delegate that the class lacks throws', (to) => {
    const builder = cluster(FakeUpstream).delegate('nowhere' as never, to);
    expect(() => builder.create()).toThrow(coded('ERR_TRUNKLINE_DELEGATE_INVALID', 'nowhere not implement in client'));
  });

  it('close() of what is no client throws', () => {
    for (const value of [undefined, null, {}, 'x']) {
      expect(() => cluster.close(value as never)).toThrow(coded('ERR_TRUNKLINE_OPTION_INVALID', 'instanceof ClusterClient'));
    }
  });

  it('a listener that is no function throws', async () => {
    const client = cluster(upstreamClass(), { singleMode: true, name: 'no-function' }).create();
    expect(() => client.subscribe('key', undefined as never)).toThrow(
      coded('ERR_TRUNKLINE_OPTION_INVALID', 'listener should be a function'),
    );
    await client.close();
  });
});

describe('what is delegated', () => {
  const open: object[] = [];
  afterEach(async () => {
    await Promise.all(open.splice(0).map((client) => cluster.close(client)));
  });
  const single = (name: string) => ({ singleMode: true, name, logger: recordingLogger() });

  it('asynchronous and generator methods, also inherited ones, but no private, sync or emitter methods', async () => {
    class Parent extends FakeUpstream {
      async inherited(): Promise<string> {
        return 'inherited';
      }
    }
    class Child extends Parent {
      async _hidden(): Promise<void> {
        await Promise.resolve();
      }
    }
    const client = cluster(Child, single('inherit')).create() as unknown as Record<string, unknown>;
    open.push(client);
    expect(Object.keys(client)).toEqual(
      expect.arrayContaining(['inherited', 'echo', 'generate', 'subscribe', 'unSubscribe', 'publish', 'close']),
    );
    for (const name of ['_hidden', 'plain', 'push', 'readyOrTimeout']) expect(Object.keys(client)).not.toContain(name);
    await expect((client.inherited as () => Promise<string>)()).resolves.toBe('inherited');
  });

  it('nothing by itself with autoGenerate: false', () => {
    const client = cluster(FakeUpstream, { ...single('manual'), autoGenerate: false })
      .delegate('echo')
      .create();
    open.push(client);
    expect(client).toHaveProperty('echo');
    expect(Object.keys(client)).not.toContain('subscribe');
    expect(Object.keys(client)).not.toContain('fail');
  });

  it('verbs under names of the user', async () => {
    const received: unknown[] = [];
    class Watcher extends FakeUpstream {
      watch(registration: unknown, listener: (value: unknown) => void): void {
        received.push(registration);
        setImmediate(listener, 'value');
      }
      announce(registration: unknown): void {
        received.push(registration);
      }
      shut(): void {
        received.push('shut');
      }
    }
    const client = cluster(Watcher, single('renamed'))
      .delegate('watch', 'subscribe')
      .delegate('announce', 'publish')
      .delegate('shut', 'close')
      .create();
    const seen: unknown[] = [];
    client.watch('a', (value) => seen.push(value));
    client.announce('b');
    await eventually('the value', () => seen.length > 0);
    await client.shut();
    expect(received).toEqual(['a', 'b', 'shut']);
  });

  it('overridden members are the given values', () => {
    const client = cluster(FakeUpstream, single('override'))
      .override('flavour', 'vanilla')
      .override('echo', () => 'mine')
      .create();
    open.push(client);
    expect(client.flavour).toBe('vanilla');
    expect(client.echo()).toBe('mine');
  });

  it('getters are looked up at each call', async () => {
    class WithGetter extends FakeUpstream {
      get lookup(): (id: number) => Promise<number> {
        return (id) => Promise.resolve(id + 1);
      }
    }
    const client = cluster(WithGetter, single('getter')).delegate('lookup').create();
    open.push(client);
    await expect(client.lookup(1)).resolves.toBe(2);
  });

  it('a class without anything of ours works too', async () => {
    class Plain {
      constructor(readonly factor: number) {}
      async times(value: number): Promise<number> {
        return value * this.factor;
      }
    }
    const client = cluster(Plain, single('plain')).create(3);
    open.push(client);
    await expect(client.times(4)).resolves.toBe(12);
  });

  it('isLeader: null counts as unset, as frameworks pass it', async () => {
    const client = cluster(FakeUpstream, { isLeader: null, port: await freePort(), logger: recordingLogger() }).create();
    open.push(client);
    await client.ready();
    expect(client.isClusterClientLeader).toBe(true);
  });

  it('maxListeners is that of the client', () => {
    const client = cluster(FakeUpstream, { ...single('listeners'), maxListeners: 33 }).create();
    open.push(client);
    expect(client.getMaxListeners()).toBe(33);
  });
});

it('a class that follows sdk-base and only has _close is closed with its client', async () => {
  const closed: string[] = [];
  class Conventional extends Base {
    constructor() {
      super();
      this.ready(true);
    }
    async _close(): Promise<void> {
      await Promise.resolve();
      closed.push('_close');
    }
  }
  const client = cluster(Conventional, { singleMode: true, name: 'conventional' }).create();
  await client.ready();
  await cluster.close(client);
  expect(closed).toEqual(['_close']);
});

describe('single mode', () => {
  it('shares one upstream client by reference count', async () => {
    const Registry = upstreamClass();
    const options = { singleMode: true, name: 'shared', logger: recordingLogger() };
    const [a, b] = [cluster(Registry, options).create(), cluster(Registry, options).create()];
    const seen: unknown[] = [];
    a.subscribe('key', (value) => seen.push(['a', value]));
    b.subscribe('key', (value) => seen.push(['b', value]));
    await Promise.all([a.ready(), b.ready()]);
    expect(Registry.instances).toHaveLength(1);
    Registry.last.push('key', 1);
    await eventually('both', () => seen.length === 2);
    await a.close();
    expect(Registry.last.closeCount).toBe(0);
    Registry.last.push('key', 2);
    await eventually('b alone', () => seen.length === 3);
    expect(seen[2]).toEqual(['b', 2]);
    await b.close();
    expect(Registry.last.closeCount).toBe(1);
    const c = cluster(Registry, options).create();
    await c.ready();
    expect(Registry.instances).toHaveLength(2);
    await c.close();
  });

  it('is chosen by the environment', async () => {
    process.env.NODE_CLUSTER_CLIENT_SINGLE_MODE = '1';
    try {
      const client = cluster(upstreamClass(), { name: 'by-env' }).create();
      await client.ready();
      expect(client.isClusterClientLeader).toBe(true);
      await client.close();
    } finally {
      Reflect.deleteProperty(process.env, 'NODE_CLUSTER_CLIENT_SINGLE_MODE');
    }
  });

  it('works under fake timers of the user', async () => {
    jest.useFakeTimers({ doNotFake: ['nextTick'] }); // sdk-base needs nextTick for ready()
    try {
      const Registry = upstreamClass();
      const client = cluster(Registry, { singleMode: true, name: 'fake-timers' }).create();
      const seen: unknown[] = [];
      client.subscribe('key', (value) => seen.push(value));
      await client.ready();
      Registry.last.push('key', 1);
      await Promise.resolve();
      await Promise.resolve();
      expect(seen).toEqual([1]);
      jest.useRealTimers();
      await client.close();
    } finally {
      jest.useRealTimers();
    }
  });
});

it('can be closed at any moment of its start', async () => {
  const Registry = upstreamClass();
  for (let ticks = 0; ticks < 20; ticks++) {
    const client = cluster(Registry, { singleMode: true, name: 'early', logger: recordingLogger() }).create();
    for (let i = 0; i < ticks; i++) await Promise.resolve();
    await client.close();
  }
  expect(Registry.instances.every(({ closeCount }) => closeCount === 1)).toBe(true);
});

it('a ready() that nobody awaits becomes an error event, not an unhandled rejection', async () => {
  class Failing extends FakeUpstream {
    constructor() {
      super({ notReady: true });
      setImmediate(() => this.ready(new Error('server down')));
    }
  }
  const client = cluster(Failing, { singleMode: true, name: 'unawaited' }).create();
  const error = await new Promise((resolve) => client.on('error', resolve));
  expect(error).toMatchObject({ message: 'server down' });
  await client.close();
});

describe('what is said', () => {
  it('an unknown option is named in a warning', async () => {
    const logger = recordingLogger();
    const options = { singleMode: true, name: 'unknown', logger, prot: 1, isleader: true };
    await cluster(upstreamClass(), options).create().close();
    expect(logger.lines).toEqual([{ level: 'warn', message: 'unknown: unknown options are ignored: prot, isleader' }]);
  });

  it('an error event without a listener is logged with its causes', async () => {
    const logger = recordingLogger();
    const Registry = upstreamClass();
    const client = cluster(Registry, { singleMode: true, name: 'unheard', logger }).create();
    client.subscribe('key', () => {
      throw new Error('the fault of the user');
    });
    await client.ready();
    Registry.last.push('key', 1);
    await eventually('the line', () => logger.lines.length > 0);
    expect(logger.lines[0]).toMatchObject({
      level: 'error',
      message: expect.stringContaining('caused by: Error: the fault of the user'),
    });
    await client.close();
  });

  it('errors that the leader has made are TrunklineErrors in a follower, and native errors have their class', async () => {
    const Registry = upstreamClass();
    const port = await freePort();
    const create = (isLeader: boolean) =>
      cluster(Registry, { port, isLeader, logger: recordingLogger() }).delegate('throwAtOnce').delegate('plain').create();
    const leader = create(true);
    await leader.ready();
    const follower = create(false);
    Object.defineProperty(Registry.last, 'plain', { value: undefined });
    await expect(follower.plain(1)).rejects.toBeInstanceOf(cluster.TrunklineError);
    await expect(follower.plain(1)).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_UNKNOWN_METHOD', retryable: false });
    await expect(follower.throwAtOnce()).rejects.toBeInstanceOf(RangeError);
    await follower.close();
    await leader.close();
  });

  it('NO_LEADER does not take the place of the reason why a leader refuses this process', async () => {
    const Registry = upstreamClass();
    const options = { port: await freePort(), maxWaitTime: 100, logger: recordingLogger() };
    const holder = cluster(Registry, { ...options, name: 'a', secret: 'the secret of one' }).create();
    await holder.ready();
    const stranger = cluster(Registry, { ...options, name: 'a', secret: 'the secret of another', isLeader: false }).create();
    const errors: unknown[] = [];
    stranger.on('error', (error) => errors.push(error));
    await expect(stranger.ready()).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_NOT_PROVEN' });
    const later = cluster(Registry, { ...options, port: await freePort(), isLeader: false }).create();
    await expect(later.ready()).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_NO_LEADER' }); // the patience of both is over
    await expect(stranger.ready()).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_NOT_PROVEN' });
    expect(errors).toEqual([]);
    for (const client of [later, stranger, holder]) await client.close();
  });

  it('a one-way call that waits for a leader hears of the end of the client before close() resolves', async () => {
    const logger = recordingLogger();
    const client = cluster(upstreamClass(), { port: await freePort(), isLeader: false, logger })
      .delegate('plain', 'invokeOneway')
      .create();
    const errors: unknown[] = [];
    client.on('error', (error) => errors.push(error));
    client.plain(1);
    await client.close();
    expect(errors).toEqual([expect.objectContaining({ code: 'ERR_TRUNKLINE_CLOSED', method: 'plain' })]);
    const lines = logger.lines.length;
    await new Promise(setImmediate);
    expect(logger.lines.slice(lines)).toEqual([]);
  });

  it('NO_LEADER says whether nobody is there, or somebody without this channel', async () => {
    const port = await freePort();
    const options = { port, maxWaitTime: 100, logger: recordingLogger() };
    const nobody = cluster(upstreamClass(), { ...options, name: 'b', isLeader: false }).create();
    await expect(nobody.ready()).rejects.toThrow(/nobody leads on 127\.0\.0\.1:\d+; start the process/);
    await nobody.close();
    const holder = cluster(upstreamClass(), { ...options, name: 'a' }).create();
    await holder.ready();
    const other = cluster(upstreamClass(), { ...options, name: 'b', isLeader: false }).create();
    await expect(other.ready()).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_NO_LEADER' });
    // On a busy machine the limit may pass before the holder has answered.
    const sentence = /knows no leader of this channel \(it says: .*channels that are led at this port: "a"\)/;
    await eventually('the reason', () => sentence.test(other.status().reason!.message));
    await other.close();
    await holder.close();
    await expect(holder.ready()).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_CLOSED' });
  });
});
