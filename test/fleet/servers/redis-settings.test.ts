// What the Redis engine says of a server that refuses it, and its settings: presence, replicas, and a client of the user.

import { Redis } from 'ioredis';
import cluster from '../../../src';
import { fleet, fleetStatus } from '../../../src/fleet';
import { redisEngine } from '../../../src/fleet/redis';
import { eventually } from '../../support/eventually';
import { leavesNothingOpen } from '../../support/open-handles';
import { recordingLogger } from '../../support/recording-logger';
import { describeWithRedis, RedisServer } from '../../support/redis';
import { answerAt } from '../../support/server-program';
import { FaultProxy } from '../../../src/testing/fault-proxy';
import { linkThrough, Witness, type EngineLink } from '../engine-bed';

leavesNothingOpen();

class Registry {
  async get(key: string): Promise<string> {
    return Promise.resolve(key);
  }
  async close(): Promise<void> {
    return Promise.resolve();
  }
}

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };

describeWithRedis('the Redis engine', () => {
  const open: { close(): Promise<unknown> }[] = [];
  afterEach(async () => {
    for (const each of open.splice(0).reverse()) await each.close();
  });

  const start = async (settings: readonly string[] = []): Promise<RedisServer> => {
    const server = await RedisServer.start(undefined, settings);
    open.push({ close: () => server.stop() });
    return server;
  };
  const linkOf = (engine: EngineLink['engine']): EngineLink => ({ engine, cut: () => undefined, restore: () => undefined });
  const witness = async (link: EngineLink, given: Partial<Witness['setup']> = {}): Promise<Witness> => {
    const one = await Witness.up(link, 'group', given);
    open.push(one.session);
    return one;
  };

  it('a wrong password is refused, with the place and without the password', async () => {
    const server = await start(['--requirepass', 'secret']);
    const engine = redisEngine({ url: `redis://:not-this-one@127.0.0.1:${server.port}` });
    const client = cluster(fleet(Registry, { engine, group: 'shop', logger: quiet }), {
      singleMode: true,
      logger: quiet,
    }).create();
    client.on('error', () => undefined);
    open.push(client);
    const error = (await client.ready().then(
      () => undefined,
      (reason: unknown) => reason,
    )) as Error;
    expect(error).toMatchObject({ code: 'ERR_TRUNKLINE_FLEET_ENGINE_REFUSED', retryable: false });
    expect(error.message).toContain(`127.0.0.1:${server.port}`);
    expect(error.message).not.toContain('not-this-one');
  });

  it('options that cannot work are refused', () => {
    expect(() => redisEngine({ url: 'http://x' })).toThrow(/option url must begin with/);
    expect(() => redisEngine({ replicas: -1 })).toThrow(/option replicas/);
    expect(() => redisEngine({ client: {} as Redis })).toThrow(/option client/);
    const ofCluster = { isCluster: true, duplicate: () => undefined } as unknown as Redis;
    expect(() => redisEngine({ client: ofCluster })).toThrow(/option client is a Cluster/);
  });

  it('says what of the server may lose data', async () => {
    const server = await start();
    const one = await witness(linkOf(redisEngine({ url: server.url })));
    const health = await one.session.health();
    expect(health.version).toMatch(/^\d+\.\d+/);
    expect(health.warnings.join(' ')).toContain('append-only');
  });

  it('a fleet logs what of the server may lose data, and keeps this in its status', async () => {
    const server = await start();
    const logger = recordingLogger();
    const engine = redisEngine({ url: server.url });
    const client = cluster(fleet(Registry, { engine, group: 'shop', ttlMs: 500, logger }), { singleMode: true, logger }).create();
    open.push(client);
    await client.ready();
    const { engine: report } = await eventually('the report', () => fleetStatus().find((status) => status.engine.version));
    expect(report.warnings.join(' ')).toContain('append-only');
    const warned = logger.lines.filter(({ level }) => level === 'warn').map(({ message }) => message);
    expect(warned).toEqual([expect.stringMatching(/^fleet shop: .*append-only/)]);
  });

  it('with presence, a host whose connections have ended is followed before the TTL', async () => {
    const server = await start();
    const proxy = await FaultProxy.start(server.port);
    open.push(proxy);
    const ttlMs = 20_000;
    // Nobody but an incumbent leads in the first TTL of a server.
    const link = linkThrough(proxy, redisEngine({ url: `redis://127.0.0.1:${proxy.port}`, presence: true }));
    const one = await witness(link, { ttlMs });
    const two = await witness(linkOf(redisEngine({ url: server.url, presence: true })), { ttlMs });
    const { fence } = await one.win({ isIncumbent: true });
    await eventually('the leader is known', () => two.leader?.fence === fence);
    await eventually('the leader is seen', async () =>
      ((await answerAt(server.port, 'HGET trunkline:{fleet:group}:leader seen\r\n')) ?? '').includes('1\r\n1'),
    );
    const since = performance.now();
    link.cut();
    await eventually('nobody leads', () => !two.leader);
    expect(performance.now() - since).toBeLessThan(ttlMs / 2);
  });

  it('makes connections of its own from a client of the user, and leaves that client alone', async () => {
    const server = await start(['--requirepass', 'secret']);
    const client = new Redis({ host: '127.0.0.1', port: server.port, password: 'secret' });
    open.push({ close: () => client.quit() });
    const engine = redisEngine({ client });
    const [one, two] = [await witness(linkOf(engine)), await witness(linkOf(engine))];
    const { fence, epoch } = await one.win({ isIncumbent: true });
    await two.session.watch(['k']);
    await one.session.write(fence, { epoch, guard: 1, values: [{ key: 'k', sequence: 1, bytes: Buffer.from('x') }] });
    await eventually('the value', () => two.text('k') === 'x');
    await one.session.close();
    await expect(client.ping()).resolves.toBe('PONG');
  });
});
