// The package ioredis: a client that the user has made, a package that is missing, and bytes that come from other processes.

import { Redis } from 'ioredis';
import { connectRedis, type RedisStoreClient } from '../../../src/adapters/redis';
import { eventually } from '../../support/eventually';
import { freePort } from '../../support/ports';
import { describeWithRedis, RedisServer } from '../../support/redis';
import { Opened } from './support';

it('without the package ioredis the error says what to install', () => {
  jest.isolateModules(() => {
    jest.doMock('ioredis', () => {
      throw Object.assign(new Error(`Cannot find module 'ioredis'`), { code: 'MODULE_NOT_FOUND' });
    });
    const { RedisStoreClient: Client } = jest.requireActual<{ RedisStoreClient: typeof RedisStoreClient }>(
      '../../../src/adapters/redis',
    );
    const make = (): unknown => new Client();
    expect(make).toThrow(expect.objectContaining({ code: 'ERR_TRUNKLINE_PACKAGE_MISSING', package: 'ioredis' }) as Error);
    jest.dontMock('ioredis');
  });
});

describeWithRedis('a URL', () => {
  const opened = new Opened();
  afterEach(() => opened.close());

  it('gives user, password and database, and options count more', async () => {
    const server = opened.add(await RedisServer.start(), (open) => open.stop());
    const redis = opened.redis(server);
    await redis.call('ACL', 'SETUSER', 'shop', 'on', '>p:@/', '~*', '&*', '+@all');
    await redis.config('SET', 'requirepass', 'default');
    const at = `127.0.0.1:${server.port}/4?keyPrefix=never&commandTimeout=1`;
    const client = await opened.ready({ url: `redis://shop:${encodeURIComponent('p:@/')}@${at}` });
    await client.put('k', Buffer.from('v'));
    await redis.select(4);
    expect(await redis.hget('{trunkline}:values', 'k')).toBe('v');
    await opened.ready({ url: `redis://shop:old@${at}`, password: 'p:@/' });
    await opened.ready({ url: `redis://x:y@${at}`, username: 'default', password: 'default', ioredis: { db: 5 } });
  });
});

describeWithRedis('a client of ioredis that is given', () => {
  const opened = new Opened();
  afterEach(() => opened.close());

  it('is left alone, and its options count besides those that the adapter decides', async () => {
    const server = opened.add(await RedisServer.start(undefined, ['--requirepass', 'right']), (open) => open.stop());
    const own = { port: server.port, password: 'right', db: 2, lazyConnect: true, keyPrefix: 'never:', commandTimeout: 1 };
    const given = new Redis(own);
    const client = await opened.ready({ client: given });
    await client.put('k', Buffer.from('v'));
    expect(given.status).toBe('wait');
    const redis = opened.redis(server, { password: 'right' });
    await redis.select(2);
    expect(await redis.hget('{trunkline}:values', 'k')).toBe('v');
    await client.close();
    expect(given.status).toBe('wait');
    given.disconnect();
  });

  it('is in the name of the channel and in errors with its address', async () => {
    const port = await freePort();
    const given = new Redis({ host: '127.0.0.1', port, db: 1, lazyConnect: true });
    const store = connectRedis({ client: given }, { singleMode: true, maxWaitTime: 1_000 });
    store.client.on('error', () => undefined);
    await expect(store.ready()).rejects.toMatchObject({
      code: 'ERR_TRUNKLINE_STORE_UNREACHABLE',
      server: `Redis 127.0.0.1:${port}/1`,
    });
    await store.close();
  });

  it('writes a Uint8Array that is no Buffer as bytes', async () => {
    const server = opened.add(await RedisServer.start(), (open) => open.stop());
    for (const form of ['versioned', 'strings'] as const) {
      const client = await opened.ready({ url: server.url, form, configureNotifications: true });
      await client.put('k', Uint8Array.of(0, 255, 104, 105));
      const entry = await client.get('k');
      expect([...entry!.bytes]).toEqual([0, 255, 104, 105]);
    }
  });

  it('keeps the process of its owner free: nothing is left after close()', async () => {
    const server = opened.add(await RedisServer.start(), (open) => open.stop());
    const client = await opened.ready({ url: server.url });
    const redis = opened.redis(server);
    const connections = async (): Promise<number> => Number(/connected_clients:(\d+)/.exec(await redis.info('clients'))![1]);
    expect(await connections()).toBe(3);
    await client.close();
    await client.close();
    await eventually('that the connections are gone', async () => (await connections()) === 1);
    await expect(client.get('k')).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_CLOSED' });
  });
});
