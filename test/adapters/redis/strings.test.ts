// Plain keys: with and without keyspace notifications.

import type { TrunklineError } from '../../../src/errors';
import { eventually } from '../../support/eventually';
import { describeWithRedis, RedisServer } from '../../support/redis';
import { heardBy, Opened } from './support';

describeWithRedis('plain keys in Redis', () => {
  let server: RedisServer;
  const opened = new Opened();
  let warned: jest.SpyInstance;
  beforeEach(async () => {
    server = await RedisServer.start();
    warned = jest.spyOn(console, 'warn').mockReturnValue(undefined);
  });
  afterEach(async () => {
    await opened.close();
    await server.stop();
    warned.mockRestore();
  });

  const start = async (options: object = {}) => {
    const client = opened.client({ url: server.url, form: 'strings', ...options });
    const advice: TrunklineError[] = [];
    client.on('advice', (error: TrunklineError) => advice.push(error));
    await client.ready();
    return { client, advice };
  };

  it('without notifications the client says so once, and polls', async () => {
    const { client, advice } = await start();
    expect(advice).toMatchObject([{ code: 'ERR_TRUNKLINE_STORE_LACKS', server: `Redis 127.0.0.1:${server.port}/0` }]);
    expect(advice[0]!.message).toContain('CONFIG SET notify-keyspace-events');
    expect(warned).toHaveBeenCalledTimes(1);
    expect(client.health.ok).toBe(true);
    const redis = opened.redis(server);
    const [single, prefix] = [await heardBy(client, { key: 'k' }), await heardBy(client, { prefix: '' })];
    await redis.set('k', 'v');
    await eventually('the value', () => single.newest === 'v' && JSON.stringify(prefix.newest) === '{"k":"v"}');
    await redis.del('k');
    await eventually('the deletion', () => single.newest === null && JSON.stringify(prefix.newest) === '{}');
    await redis.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await eventually('that the client is well', () => client.health.ok);
    await redis.set('k', 'w');
    await eventually('the value', () => single.newest === 'w');
    expect(advice).toHaveLength(1);
  });

  it('where CONFIG is forbidden the client says so, and polls', async () => {
    const redis = opened.redis(server);
    await redis.call('ACL', 'SETUSER', 'shop', 'on', '>p', '~*', '&*', '+@all', '-config');
    const { client, advice } = await start({ username: 'shop', password: 'p', configureNotifications: true });
    expect(advice).toMatchObject([{ code: 'ERR_TRUNKLINE_STORE_LACKS' }]);
    expect(advice[0]!.message).toContain('notify-keyspace-events');
    const watch = await heardBy(client, { key: 'k' });
    await redis.set('k', 'v');
    await eventually('the value', () => watch.newest === 'v');
  });

  it('the option configureNotifications adds what is missing, again after a restart', async () => {
    const redis = opened.redis(server);
    await redis.config('SET', 'notify-keyspace-events', 'El');
    const { client, advice } = await start({ configureNotifications: true });
    const flags = async (): Promise<string> => (await redis.config('GET', 'notify-keyspace-events'))[1]!;
    const sorted = (text: string): string => [...text].sort().join('');
    expect(sorted(await flags())).toBe(sorted('KE$lgxe'));
    await server.kill();
    await server.startAgain();
    await eventually('that the client is well', () => client.health.ok);
    await eventually('the flags', async () => sorted(await flags()) === sorted('K$gxe'));
    expect(advice).toEqual([]);
  });

  it('a key that expires is gone, and one that is renamed is both', async () => {
    const { client } = await start({ configureNotifications: true });
    const redis = opened.redis(server);
    await redis.set('k', 'v', 'PX', 300);
    await redis.set('old', 'name');
    const watch = await heardBy(client, { prefix: '' });
    expect(watch.newest).toEqual({ k: 'v', old: 'name' });
    await redis.rename('old', 'new');
    await eventually('both', () => JSON.stringify(watch.newest) === '{"new":"name"}');
  });

  it('a key of another type is none for a watch, and an error for get', async () => {
    const { client } = await start({ configureNotifications: true });
    const redis = opened.redis(server);
    await redis.hset('h', 'field', 'value');
    const watch = await heardBy(client, { key: 'h' });
    expect(watch.newest).toBeNull();
    await expect(client.get('h')).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_KEY_INVALID', key: 'h' });
    await redis.del('h');
    await redis.set('h', 'text');
    await eventually('the text', () => watch.newest === 'text');
  });

  it('special characters of patterns in a prefix are taken as they are', async () => {
    const { client } = await start({ configureNotifications: true, prefix: 'a[b]*' });
    const redis = opened.redis(server);
    const watch = await heardBy(client, { prefix: '?^-\\' });
    await redis.set('a[b]*?^-\\x', 'right');
    await redis.set('ab?^-\\x', 'wrong');
    await eventually('the value', () => JSON.stringify(watch.newest) === '{"?^-\\\\x":"right"}');
  });

  it('another database has other keys', async () => {
    const { client } = await start({ url: `${server.url}/3`, configureNotifications: true });
    const redis = opened.redis(server);
    const watch = await heardBy(client, { key: 'k' });
    await redis.set('k', 'wrong');
    await redis.select(3);
    await redis.set('k', 'right');
    await eventually('the value', () => watch.newest === 'right');
    expect(watch.texts).toEqual([null, 'right']);
  });

  it('a condition compares the value that had the version', async () => {
    const { client } = await start({ configureNotifications: true });
    const redis = opened.redis(server);
    const version = await client.put('k', Buffer.from('one'));
    await redis.set('k', 'theirs');
    const conflict = { code: 'ERR_TRUNKLINE_VERSION_CONFLICT', key: 'k' };
    await expect(client.put('k', Buffer.from('two'), { ifVersion: version })).rejects.toMatchObject(conflict);
    await expect(client.delete('k', { ifVersion: version })).rejects.toMatchObject(conflict);
    await expect(client.delete('k', { ifVersion: 0 })).rejects.toMatchObject(conflict);
    const present = (await client.get('k'))!.version;
    expect(present).toBeGreaterThan(version);
    expect(await client.delete('k', { ifVersion: present })).toBe(true);
    expect(await client.delete('k', { ifVersion: 0 })).toBe(false);
  });
});
