import { EventEmitter } from 'node:events';
import cluster, { type ClientOptions } from '../../src';
import { classOptionsOf } from '../../src/class-options';
import { resolveOptions } from '../../src/options';
import { fleet, fleetStatus, memoryEngine, type Engine, type EngineHealth, type FleetOptions } from '../../src/fleet';
import { argumentsIn, checkFencing } from '../../src/fleet/fencing';
import { reportOfProcess, stampOfProcess } from '../../src/process-report';
import { channelsOf } from '../../src/view/channels';
import { eventually } from '../support/eventually';
import { leavesNothingOpen } from '../support/open-handles';
import { recordingLogger } from '../support/recording-logger';

leavesNothingOpen();

/** A registry in this process, with the clients that are connected to the registry. */
function registryClass() {
  return class Registry extends EventEmitter {
    static readonly live = new Set<Registry>();
    static readonly values = new Map<string, unknown>();
    static readonly published = new Set<string>();
    static runs = 0;
    /** Holds calls of `slow` back until resolved. */
    static gate: Promise<void> = Promise.resolve();
    static made: unknown[][] = [];
    readonly listeners_ = new Map<string, (value: unknown) => void>();

    constructor(...args: unknown[]) {
      super();
      Registry.made.push(args);
      Registry.live.add(this);
    }

    static set(key: string, value: unknown): void {
      Registry.values.set(key, value);
      for (const client of Registry.live) client.listeners_.get(key)?.(value);
    }

    subscribe({ key }: { key: string }, listener: (value: unknown) => void): void {
      this.listeners_.set(key, listener);
      if (Registry.values.has(key)) listener(Registry.values.get(key));
    }
    unSubscribe({ key }: { key: string }): void {
      this.listeners_.delete(key);
    }
    publish({ id }: { id: string }): void {
      Registry.published.add(id);
    }
    unPublish({ id }: { id: string }): void {
      Registry.published.delete(id);
    }
    async echo(...args: unknown[]): Promise<unknown[]> {
      Registry.runs++;
      return Promise.resolve(args);
    }
    async slow(text: string): Promise<string> {
      Registry.runs++;
      await Registry.gate;
      return text;
    }
    async fails(): Promise<void> {
      return Promise.reject(Object.assign(new RangeError('no such thing'), { code: 'E_NONE', details: new Map([[1, 2]]) }));
    }
    withCallback(text: string, callback: (error: Error | null, one?: string, two?: number) => void): void {
      callback(null, text, text.length);
    }
    async *rows(): AsyncGenerator<number, void> {
      await Promise.resolve();
      yield 1;
    }
    async close(): Promise<void> {
      Registry.live.delete(this);
      return Promise.resolve();
    }
  };
}

/** An engine that says something else of itself. */
function withHealth(engine: Engine, health: () => EngineHealth): Engine {
  return {
    ...engine,

    open: (...given) => Object.assign(engine.open(...given), { health: async () => health() }),
  };
}

describe('a fleet', () => {
  let Registry: ReturnType<typeof registryClass>;
  let engine = memoryEngine();
  const open: { close(): Promise<void> }[] = [];

  beforeEach(() => {
    Registry = registryClass();
    engine = memoryEngine();
  });
  afterEach(async () => {
    engine.start();
    await Promise.all(open.splice(0).map((client) => client.close()));
  });

  /** A client of one host: hosts of this test are single-mode clients of one process. */
  function host(name: string, given: Partial<FleetOptions> = {}) {
    const logger = { info: () => undefined, warn: () => undefined, error: () => undefined };
    const Fleet = fleet(Registry, { engine, group: 'shop', ttlMs: 1_000, host: name, logger, ...given });
    const client = cluster(Fleet, { singleMode: true, name: `registry of ${name}`, logger })
      .delegate('withCallback')
      .create({ server: 'x' });
    client.on('error', () => undefined);
    open.push(client);
    return client;
  }

  async function hosts(...names: string[]) {
    const clients = names.map((name) => host(name));
    await Promise.all(clients.map((client) => client.ready()));
    return clients;
  }

  const winnerOf = () => eventually('a host leads', () => fleetStatus().find(({ state }) => state === 'winner'));

  it('has one upstream client for all hosts, and its values reach all of them', async () => {
    const clients = await hosts('a', 'b', 'c');
    const seen = clients.map(() => [] as unknown[]);
    for (const [at, client] of clients.entries()) client.subscribe({ key: 'k' }, (value: unknown) => seen[at]!.push(value));
    Registry.set('k', 'one');
    await eventually('the first value', () => seen.every((values) => values.at(-1) === 'one'));
    Registry.set('k', { two: new Date(2) });
    await eventually('the second value', () => seen.every((values) => values.length >= 2));
    for (const values of seen) expect(values.at(-1)).toEqual({ two: new Date(2) });
    expect(Registry.live.size).toBe(1);
    expect(
      fleetStatus()
        .map(({ state }) => state)
        .sort(),
    ).toEqual(['member', 'member', 'winner']);
  });

  it('runs calls on the host that leads, once, with results and errors whole', async () => {
    const clients = await hosts('a', 'b');
    for (const client of clients) {
      await expect(client.echo(1, undefined, new Date(5), Buffer.from('x'))).resolves.toEqual([
        1,
        undefined,
        new Date(5),
        Buffer.from('x'),
      ]);
      await expect(client.fails()).rejects.toMatchObject({
        name: 'RangeError',
        message: 'no such thing',
        code: 'E_NONE',
        details: new Map([[1, 2]]),
      });
      await expect(client.withCallback('abc')).resolves.toBe('abc');
      const results = await new Promise((resolve) => client.withCallback('abc', (...all) => resolve(all)));
      expect(results).toEqual([null, 'abc', 3]);
      await expect(client.rows().next()).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_NOT_SHARED' });
    }
    expect(Registry.runs).toBe(2);
  });

  it('publishes what any host publishes, and withdraws what lost its owner', async () => {
    const [a, b, c] = await hosts('a', 'b', 'c');
    a!.publish({ id: 'of a' });
    b!.publish({ id: 'of b' });
    c!.publish({ id: 'of all' });
    a!.publish({ id: 'of all' });
    await eventually('all are published', () => Registry.published.size === 3);
    const winner = (await winnerOf()).host;
    const [leaving, id] = winner === 'b' ? [a!, 'of a'] : [b!, 'of b'];
    open.splice(open.indexOf(leaving), 1);
    await leaving.close();
    await eventually('what the host published is withdrawn', () => !Registry.published.has(id));
    expect([...Registry.published].sort()).toEqual(['of a', 'of all', 'of b'].filter((each) => each !== id));
  });

  it('hands over at once when the host that leads leaves, and loses no call', async () => {
    const clients = await hosts('a', 'b', 'c');
    const winner = await winnerOf();
    const at = ['a', 'b', 'c'].indexOf(winner.host);
    const leaving = clients[at]!;
    const staying = clients.filter((client) => client !== leaving);
    const seen: unknown[] = [];
    staying[0]!.subscribe({ key: 'k' }, (value: unknown) => seen.push(value));
    Registry.set('k', 1);
    await eventually('a value', () => seen.includes(1));
    let isOver = false;
    const outcomes: Promise<unknown>[] = [];
    const calling = (async () => {
      for (let n = 0; !isOver; n++) {
        outcomes.push(staying[n % 2]!.echo(n));
        await new Promise(setImmediate);
      }
    })();
    open.splice(open.indexOf(leaving), 1);
    await leaving.close();
    await eventually('another host leads', () =>
      fleetStatus().some(({ state, epoch }) => state === 'winner' && epoch > winner.epoch),
    );
    Registry.set('k', 2);
    await eventually('a value of the next', () => seen.includes(2));
    isOver = true;
    await calling;
    await Promise.all(outcomes);
    expect(Registry.runs).toBe(outcomes.length);
    expect(Registry.live.size).toBe(1);
  });

  it('goes on when the engine loses its data, under the same winner, and no value goes back', async () => {
    const clients = await hosts('a', 'b');
    const seen = clients.map(() => [] as unknown[]);
    for (const [at, client] of clients.entries()) client.subscribe({ key: 'k' }, (value: unknown) => seen[at]!.push(value));
    Registry.set('k', 1);
    await eventually('a value', () => seen.every((values) => values.includes(1)));
    const { host: name, epoch } = await winnerOf();
    engine.stop();
    Registry.set('k', 2);
    engine.start({ isEmpty: true });
    await eventually('the newest value', () => seen.every((values) => values.at(-1) === 2));
    Registry.set('k', 3);
    await eventually('a later value', () => seen.every((values) => values.at(-1) === 3));
    const after = await winnerOf();
    expect(after.host).toBe(name);
    expect(after.epoch).toBeGreaterThan(epoch);
    expect(Registry.made).toHaveLength(1);
    for (const values of seen) expect(values.map(Number)).toEqual([...values].map(Number).sort());
    await expect(Promise.all(clients.map((client) => client.echo('x')))).resolves.toEqual([['x'], ['x']]);
  });

  it('says that values may be old when the engine is silent, and keeps them', async () => {
    const clients = await hosts('a', 'b');
    const seen: unknown[] = [];
    clients[0]!.subscribe({ key: 'k' }, (value: unknown) => seen.push(value));
    Registry.set('k', 1);
    await eventually('a value', () => seen.includes(1));
    engine.stop();
    for (const client of clients) {
      await eventually('it says so', () => client.status().upstream.state === 'degraded');
      expect(client.status().upstream.error).toMatch(/the engine has been silent/);
    }
    expect(Registry.live.size).toBe(0);
    expect(fleetStatus().map(({ state, stale }) => [state, stale])).toEqual([
      ['without engine', 'engine'],
      ['without engine', 'engine'],
    ]);
    engine.start();
    for (const client of clients) await eventually('it is well again', () => client.status().upstream.state === 'ok');
    Registry.set('k', 2);
    await eventually('a later value', () => seen.at(-1) === 2);
  });

  it('gives no value to its own host that the engine does not have, which the next leader of the host would not know', async () => {
    const [client] = await hosts('a');
    const seen: unknown[] = [];
    client!.subscribe({ key: 'k' }, (value: unknown) => seen.push(value));
    Registry.set('k', 'known');
    await eventually('a value', () => seen.includes('known'));
    engine.stop();
    Registry.set('k', 'unknown');
    await eventually('the winner gives up', () => Registry.live.size === 0);
    expect(seen.at(-1)).toBe('known');
    engine.start();
    await eventually('the value of the next term', () => seen.at(-1) === 'unknown');
  });

  it('is not ready without an engine, says why, and becomes ready later', async () => {
    engine.stop();
    const client = host('a', { maxWaitMs: 100 });
    await expect(client.ready()).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_FLEET_NO_ENGINE' });
    engine.start();
    await eventually('it is ready', () => client.status().state === 'ready');
    await expect(client.echo(1)).resolves.toEqual([1]);
  });

  it('refuses another class in the same group, and says what differs', async () => {
    await hosts('a');
    const client = host('b', { identity: 'another server' });
    await expect(client.ready()).rejects.toMatchObject({
      code: 'ERR_TRUNKLINE_FLEET_MISMATCH',
      message: expect.stringContaining('arguments') as string,
    });
  });

  it('refuses values, calls and answers that are too large, before anything is sent', async () => {
    const small = { ...memoryEngine(), limits: { valueBytes: 2_000, batchSize: 10, batchBytes: 10_000 } };
    const clients = [host('a', { engine: small }), host('b', { engine: small })];
    const errors: unknown[] = [];
    for (const client of clients) client.on('error', (error) => errors.push(error));
    await Promise.all(clients.map((client) => client.ready()));
    const seen = clients.map(() => [] as unknown[]);
    for (const [at, client] of clients.entries()) client.subscribe({ key: 'k' }, (value: unknown) => seen[at]!.push(value));
    Registry.set('k', 'small');
    await eventually('a value', () => seen.every((values) => values.includes('small')));
    Registry.set('k', 'x'.repeat(3_000));
    await eventually('the error', () => errors.length > 0);
    expect(errors[0]).toMatchObject({ code: 'ERR_TRUNKLINE_FLEET_TOO_LARGE', key: '{"key":"k"}', limitBytes: 2_000 });
    Registry.set('k', 'small again');
    await eventually('a value', () => seen.every((values) => values.at(-1) === 'small again'));
    for (const values of seen) expect(values.filter((value) => String(value).startsWith('x'))).toEqual([]);
    const member = clients[['b', 'a'].indexOf((await winnerOf()).host)]!;
    await expect(member.echo('x'.repeat(3_000))).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_FLEET_TOO_LARGE', method: 'echo' });
    await expect(member.echo('x')).resolves.toEqual(['x']);
  });

  it('tells callers at once that the host that ran their call was lost', async () => {
    const links = { a: engine.link(), b: engine.link() };
    const clients = {
      a: host('a', { engine: links.a, idempotent: ['echo'] }),
      b: host('b', { engine: links.b, idempotent: ['echo'] }),
    };
    await Promise.all(Object.values(clients).map((client) => client.ready()));
    const winner = (await winnerOf()).host as 'a' | 'b';
    const member = clients[winner === 'a' ? 'b' : 'a'];
    let pass!: () => void;
    Registry.gate = new Promise((resolve) => (pass = resolve));
    const call = member.slow('x').catch((error: unknown) => error);
    await eventually('the call has begun', () => Registry.runs === 1);
    links[winner].cut();
    expect(await call).toMatchObject({ code: 'ERR_TRUNKLINE_FLEET_WINNER_LOST', method: 'slow' });
    pass();
    links[winner].restore();
    await expect(member.echo('y')).resolves.toEqual(['y']);
  });

  it('says in the status of the client and in the report of the process how the host stands', async () => {
    const [a, b] = await hosts('a', 'b');
    const { host: winner } = await winnerOf();
    const [leader, member] = winner === 'a' ? [a!, b!] : [b!, a!];
    expect(leader.status().fleet).toEqual(await leader.fleetStatus());
    expect(leader.status().fleet).toMatchObject({ group: 'shop', state: 'winner', host: winner });
    expect(member.status().fleet).toMatchObject({ state: 'member', winner: { host: winner, pid: process.pid } });
    const before = stampOfProcess();
    engine.stop();
    await eventually('the member is without engine', () => member.status().fleet?.state === 'without engine');
    expect(stampOfProcess()).not.toBe(before);
    const channels = channelsOf([reportOfProcess(false)], Date.now());
    const reported = channels.find(({ channel }) => channel === member.status().channel);
    expect(reported?.fleet).toMatchObject({ state: 'without engine', winner: undefined });
    // The upstream client of the winner is a channel of its own, which is in no fleet.
    expect(channels.filter(({ fleet: stands }) => stands)).toHaveLength(2);
    await member.close();
    expect(member.status().fleet).toBeUndefined();
  });

  it('asks the engine at the start and after a cut how it is set up, and logs each warning once', async () => {
    const logger = recordingLogger();
    let warnings = ['It keeps 5 values at most.'];
    const asked = withHealth(engine, () => ({ version: '1.2', warnings }));
    const client = host('a', { engine: asked, logger });
    await client.ready();
    const reported = async () => (await client.fleetStatus()).engine;
    await eventually('the report', async () => (await reported()).version);
    await expect(reported()).resolves.toEqual({ name: 'memory', version: '1.2', warnings });
    warnings = ['It keeps 6 values at most.', 'It forgets.'];
    engine.stop();
    engine.start();
    await eventually('the next report', async () => (await reported()).warnings.length === 2);
    await expect(reported()).resolves.toMatchObject({ warnings });
    warnings = [];
    engine.stop();
    engine.start();
    await eventually('no warnings', async () => (await reported()).warnings.length === 0);
    expect(logger.lines.filter(({ level }) => level === 'warn').map(({ message }) => message)).toEqual([
      'fleet shop: It keeps 5 values at most.',
      'fleet shop: It forgets.',
    ]);
  });

  it('works with an engine that refuses to say how it is set up', async () => {
    const logger = recordingLogger();
    const silent = withHealth(engine, () => {
      throw new Error('no permission');
    });
    const client = host('a', { engine: silent, logger });
    await expect(client.echo(1)).resolves.toEqual([1]);
    await eventually('the reason', () => logger.lines.some(({ message }) => message.includes('no permission')));
    expect(logger.lines.filter(({ level }) => level === 'warn')).toEqual([]);
    expect((await client.fleetStatus()).engine).toEqual({ name: 'memory', version: undefined, warnings: [] });
  });

  it('gives the epoch to the class, and a higher epoch to the next', async () => {
    const clients = [host('a', { fencing: true }), host('b', { fencing: true })];
    await Promise.all(clients.map((client) => client.ready()));
    const { host: first, epoch } = await winnerOf();
    expect(Registry.made).toEqual([[{ server: 'x', fencing: { epoch } }]]);
    await clients[first === 'a' ? 0 : 1]!.close();
    const next = await eventually('the other host leads', () =>
      fleetStatus().find(({ state, host: name }) => state === 'winner' && name !== first),
    );
    expect(next.epoch).toBeGreaterThan(epoch);
    expect(Registry.made.slice(1)).toEqual([[{ server: 'x', fencing: { epoch: next.epoch } }]]);
  });

  it('lets a function of the user make the constructor arguments', async () => {
    const client = host('a', { fencing: (args, { epoch }) => ['first', ...args, epoch] });
    await client.ready();
    const { epoch } = await client.fleetStatus();
    expect(Registry.made).toEqual([['first', { server: 'x' }, epoch]]);
  });

  it('lets another host lead when that function throws, and says why', async () => {
    const errors: unknown[] = [];
    const client = host('a', {
      fencing: () => {
        throw new Error('no arguments today');
      },
    });
    client.on('error', (error) => errors.push(error));
    await eventually('the reason', () => errors.length > 0);
    expect(errors[0]).toMatchObject({ message: 'no arguments today' });
    const other = host('b');
    await other.ready();
    expect((await winnerOf()).host).toBe('b');
    expect(Registry.made).toEqual([[{ server: 'x' }]]);
  });

  it.each([
    ['no argument', [], [{ fencing: { epoch: 7 } }]],
    ['an argument that is undefined', ['a', undefined], ['a', { fencing: { epoch: 7 } }]],
    ['an object without prototype', [Object.create(null)], [{ fencing: { epoch: 7 } }]],
    ['options', ['a', { b: 1, fencing: 'old' }], ['a', { b: 1, fencing: { epoch: 7 } }]],
  ])('adds the epoch to %s', (_, args: unknown[], made) => {
    expect(() => checkFencing('Registry', true, args)).not.toThrow();
    expect(argumentsIn(7, true, args)).toEqual(made);
    expect(argumentsIn(7, undefined, args)).toBe(args);
  });

  it.each([[['registry:8848']], [[{}, []]], [[new Map()]], [[null]], [[() => undefined]]])(
    'refuses to add the epoch to what is no plain object: %p',
    (args: unknown[]) => {
      expect(() => checkFencing('Registry', true, args)).toThrow(/^Registry: option fencing is true, and the last/);
      expect(() => checkFencing('Registry', (given) => [...given], args)).not.toThrow();
    },
  );

  it('says on each host that the last constructor argument cannot carry the epoch', async () => {
    const logger = recordingLogger();
    const Fleet = fleet(Registry, { engine, group: 'shop', fencing: true, logger });
    const client = cluster(Fleet, { singleMode: true, logger }).create('registry:8848');
    client.on('error', () => undefined);
    open.push(client);
    await expect(client.ready()).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_OPTION_INVALID', option: 'fencing' });
    expect(Registry.made).toEqual([]);
  });

  it('brings options along, where the user gives none', () => {
    const Fleet = fleet(Registry, { engine, group: 'shop', ttlMs: 5_000 });
    const timeoutOf = (options?: object): unknown =>
      resolveOptions(options, 'Registry', {}, classOptionsOf<ClientOptions>(Fleet)).responseTimeout;
    const brought = timeoutOf();
    expect(brought).toBeGreaterThan(5_000);
    expect(timeoutOf({ responseTimeout: undefined })).toBe(brought);
    expect(timeoutOf({ responseTimeout: null })).toBe(brought);
    expect(timeoutOf({ responseTimeout: 60_000 })).toBe(60_000);
    expect(() => cluster(Fleet, 'shop' as never)).toThrow(/options must be an object/);
  });

  it('suits the options of the client to the fleet', () => {
    const Fleet = fleet(Registry, { engine, group: 'shop', ttlMs: 5_000 });
    expect(() => cluster(Fleet, { responseTimeout: 3_000 })).toThrow(/responseTimeout is 3000, and a takeover/);
    expect(() => fleet(Registry, { engine, group: 'a b' })).toThrow(/option group must be/);
    expect(() => fleet(Registry, { engine, group: 'a', callTimeoutMs: 1_000 })).toThrow(/longer than ttlMs/);
  });
});
