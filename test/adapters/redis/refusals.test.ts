// What Redis refuses, as coded errors that name the server and hold no secret.

import { inspect } from 'node:util';
import { Redis } from 'ioredis';
import { RedisStoreClient } from '../../../src/adapters/redis';
import type { TrunklineError } from '../../../src/errors';
import { certificate } from '../../support/certificate';
import { eventually } from '../../support/eventually';
import { freePort } from '../../support/ports';
import { describeWithRedis, RedisServer } from '../../support/redis';
import { codeOf, heardBy, Opened, write } from './support';
import { OldRedis } from './old-redis';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

describeWithRedis('refusals of Redis', () => {
  const opened = new Opened();
  afterEach(() => opened.close());

  const started = async (...settings: string[]): Promise<RedisServer> =>
    opened.add(await RedisServer.start(undefined, settings), (server) => server.stop());
  const failure = (client: RedisStoreClient): Promise<TrunklineError> =>
    client.ready().then(
      () => Promise.reject(new Error('the client is ready')),
      (error: TrunklineError) => error,
    );

  it('a wrong password is denied, and does not stand in the error', async () => {
    const server = await started('--requirepass', 'right');
    const error = await failure(opened.client({ url: server.url, password: 'guessed' }));
    expect(error).toMatchObject({ code: 'ERR_TRUNKLINE_STORE_DENIED', server: `Redis 127.0.0.1:${server.port}/0` });
    expect(inspect(error, { depth: null, showHidden: true })).not.toContain('guessed');
    expect(await failure(opened.client({ url: server.url }))).toMatchObject({ code: 'ERR_TRUNKLINE_STORE_DENIED' });
    await opened.ready({ url: `redis://:right@127.0.0.1:${server.port}` });
  });

  it('a password that is changed while the client is connected is told, and the right one brings the client back', async () => {
    const server = await started('--requirepass', 'first');
    const admin = opened.redis(server, { password: 'first' });
    const client = await opened.ready({ url: server.url, password: 'first' });
    const { texts } = await heardBy(client, { key: 'k' });
    await admin.config('SET', 'requirepass', 'second');
    await admin.call('CLIENT', 'KILL', 'TYPE', 'pubsub');
    await eventually('the refusal', () => codeOf(client.health) === 'ERR_TRUNKLINE_STORE_DENIED');
    await admin.config('SET', 'requirepass', 'first');
    await eventually('that the client is well', () => client.health.ok);
    await write(admin, 'k', 'now');
    await eventually('the value', () => texts.at(-1) === 'now');
  });

  it('a right that is missing is denied: for all, and for single calls', async () => {
    const server = await started();
    const admin = opened.redis(server);
    await admin.call('ACL', 'SETUSER', 'none', 'on', '>p', '~*', '&*', '+@all', '-evalsha', '-eval');
    const error = await failure(opened.client({ url: server.url, username: 'none', password: 'p' }));
    expect(error.code).toBe('ERR_TRUNKLINE_STORE_DENIED');
    expect(error.message).toContain('evalsha');
    await admin.call('ACL', 'SETUSER', 'reader', 'on', '>p', '~*', '&*', '+@all', '-hset');
    const reader = await opened.ready({ url: server.url, username: 'reader', password: 'p' });
    await expect(reader.put('k', Buffer.from('v'))).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_STORE_DENIED' });
    expect(await reader.get('k')).toBeNull();
    expect(reader.health.ok).toBe(true);
  });

  it('the rights that the documents name suffice', async () => {
    const server = await started();
    const admin = opened.redis(server);
    const rights =
      '~{trunkline}:* &{trunkline}:changes:* &trunkline:pulse:* +@scripting +@pubsub +@read +@write +@connection +info +time';
    await admin.call('ACL', 'SETUSER', 'shop', 'on', '>p', ...rights.split(' '));
    const client = await opened.ready({ url: server.url, username: 'shop', password: 'p' });
    const watch = await heardBy(client, { prefix: 'a/' });
    await client.put('a/k', Buffer.from('v'));
    await client.publish({ key: 'a/mine', text: 'me' });
    await eventually('both', () => JSON.stringify(watch.newest) === '{"a/k":"v","a/mine":"me"}');
  });

  it('at maxmemory writes are refused and the health says so, while the rest goes on', async () => {
    const server = await started();
    const admin = opened.redis(server);
    const client = await opened.ready({ url: server.url });
    const other = await opened.ready({ url: server.url });
    await client.put('k', Buffer.from('v'));
    await client.publish({ key: 'mine', text: 'me' });
    const watch = await heardBy(client, { prefix: '' });
    await admin.config('SET', 'maxmemory', '1');
    const full = { code: 'ERR_TRUNKLINE_STORE_FULL', server: `Redis 127.0.0.1:${server.port}/0` };
    await expect(client.put('k', Buffer.from('w'))).rejects.toMatchObject(full);
    expect(codeOf(client.health)).toBe('ERR_TRUNKLINE_STORE_FULL');
    // Longer than the time to live of the registration.
    const from = Date.now();
    await eventually('that the time has passed', () => Date.now() - from > 4_500);
    expect(Buffer.from((await other.get('mine'))!.bytes).toString()).toBe('me');
    await other.delete('k');
    await eventually('the deletion', () => JSON.stringify(watch.newest) === '{"mine":"me"}');
    expect(codeOf(client.health)).toBe('ERR_TRUNKLINE_STORE_FULL');
    await admin.config('SET', 'maxmemory', '0');
    await eventually('that the client is well', () => client.health.ok);
    await client.put('k', Buffer.from('x'));
    await eventually('the value', () => JSON.stringify(watch.newest) === '{"k":"x","mine":"me"}');
  });

  it('a policy that takes values away is advised against', async () => {
    const server = await started('--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru');
    const advice: TrunklineError[] = [];
    const warned = opened.add(jest.spyOn(console, 'warn').mockReturnValue(undefined), (spy) => spy.mockRestore());
    const client = opened.client({ url: server.url });
    client.on('advice', (error: TrunklineError) => advice.push(error));
    await client.ready();
    expect(advice).toMatchObject([{ code: 'ERR_TRUNKLINE_STORE_LACKS' }]);
    expect(advice[0]!.message).toContain('allkeys-lru');
    expect(warned).toHaveBeenCalledTimes(1);
  });

  it('a Redis without scripts says so: plain keys work there, registrations do not', async () => {
    const server = await started('--rename-command', 'EVAL', '', '--rename-command', 'EVALSHA', '');
    const error = await failure(opened.client({ url: server.url }));
    expect(error).toMatchObject({ code: 'ERR_TRUNKLINE_STORE_LACKS' });
    expect(error.message).toContain('scripts');
    const plain = await opened.ready({ url: server.url, form: 'strings', configureNotifications: true });
    await plain.put('k', Buffer.from('v'));
    await expect(plain.publish({ key: 'mine', text: 'secret text' })).rejects.toMatchObject({
      code: 'ERR_TRUNKLINE_STORE_LACKS',
    });
    const refused: unknown = await plain.publish({ key: 'mine', text: 'secret text' }).catch((reason: unknown) => reason);
    expect(inspect(refused, { depth: null })).not.toContain('secret text');
  });

  it('a Redis without RESP3 works as well', async () => {
    const server = await started('--rename-command', 'HELLO', '');
    const client = await opened.ready({ url: server.url });
    const watch = await heardBy(client, { key: 'k' });
    await client.put('k', Buffer.from('v'));
    await eventually('the value', () => watch.newest === 'v');
  });

  it('a Redis that is too old says so', async () => {
    const old = opened.add(await OldRedis.start('5.0.14'), (server) => server.close());
    const error = await failure(opened.client({ url: `redis://127.0.0.1:${old.port}` }));
    expect(error).toMatchObject({ code: 'ERR_TRUNKLINE_STORE_LACKS', version: '5.0.14' });
  });

  it('TLS: the options are passed on, and a certificate that does not match is not trusted', async () => {
    const folder = opened.add(mkdtempSync(join(tmpdir(), 'trunkline-redis-tls-')), (path) => rmSync(path, { recursive: true }));
    for (const [name, text] of Object.entries(certificate)) writeFileSync(join(folder, name), text);
    const [tlsPort, port] = [await freePort(), await freePort()];
    const files = ['--tls-cert-file', join(folder, 'cert'), '--tls-key-file', join(folder, 'key')];
    const own = ['--tls-ca-cert-file', join(folder, 'cert'), '--tls-auth-clients', 'no'];
    opened.add(await RedisServer.start(port, ['--tls-port', String(tlsPort), ...files, ...own]), (server) => server.stop());
    const url = `rediss://127.0.0.1:${tlsPort}`;
    const client = await opened.ready({ url, tls: { ca: certificate.cert, servername: 'localhost' } });
    await client.put('k', Buffer.from('v'));
    const untrusted = { code: 'ERR_TRUNKLINE_STORE_UNTRUSTED', server: `Redis 127.0.0.1:${tlsPort}/0` };
    expect(await failure(opened.client({ url }))).toMatchObject(untrusted);
    expect(await failure(opened.client({ url, tls: { ca: certificate.cert, servername: 'shop' } }))).toMatchObject(untrusted);
  });

  it.each([
    ['form', { form: 'hash' }],
    ['prefix', { prefix: '' }],
    ['url', { url: 'http://127.0.0.1' }],
    ['url', { url: 'nonsense' }],
    ['url', { url: 'redis://127.0.0.1/name' }],
    ['timeToLiveMs', { timeToLiveMs: 10 }],
    ['silenceMs', { silenceMs: 0 }],
    ['pollMs', { pollMs: 1 }],
    ['maxValueBytes', { maxValueBytes: 2 ** 30 }],
    ['client', { client: new Redis.Cluster([], { lazyConnect: true }) }],
  ])('the option %s with %j is invalid', (option, options) => {
    const make = (): unknown => new RedisStoreClient(options as object);
    expect(make).toThrow(expect.objectContaining({ code: 'ERR_TRUNKLINE_OPTION_INVALID', option }) as Error);
  });

  it('a key that UTF-8 cannot express is refused', async () => {
    const server = await started();
    const client = await opened.ready({ url: server.url });
    await expect(client.get('\ud800')).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_KEY_INVALID' });
    await expect(client.put('', Buffer.of())).rejects.toMatchObject({ code: 'ERR_TRUNKLINE_KEY_INVALID' });
  });
});
