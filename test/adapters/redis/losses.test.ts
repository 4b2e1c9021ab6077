// What watches hear when Redis loses data, and in which order watches hear what arrives in another order.

import type { WatchedState } from '../../../src/adapters/face';
import type { RedisSettings } from '../../../src/adapters/redis/redis-options';
import type { RedisSession } from '../../../src/adapters/redis/redis-session';
import { VersionedForm } from '../../../src/adapters/redis/versioned-form';
import { WatchTable } from '../../../src/adapters/watch-table';
import { FaultProxy } from '../../../src/testing/fault-proxy';
import { manualClock } from '../../../src/testing/manual-clock';
import { eventually } from '../../support/eventually';
import { describeWithRedis, RedisServer } from '../../support/redis';
import { heardBy, Opened, write } from './support';

it('a snapshot that arrives after a newer message does not bring the older value back', async () => {
  const table = new WatchTable(manualClock());
  const form = new VersionedForm({ prefix: 'p', server: 'Redis' } as RedisSettings, table);
  const heard: unknown[] = [];
  const watch = table.add({ key: 'k' }, (state: WatchedState) => heard.push(state && 'bytes' in state && state.bytes.toString()));
  let reply!: (reply: unknown[]) => void;
  const session = { isOver: false, run: () => new Promise((resolve) => (reply = resolve)) } as unknown as RedisSession;
  const loading = form.load(session, [watch]);
  form.heard(session, 'p:changes:k', Buffer.from('P8\nnew'));
  reply([7, Buffer.from('k'), 7, Buffer.from('old')]);
  await loading;
  form.heard(session, 'p:changes:k', Buffer.from('P6\nolder'));
  form.heard(session, 'p:changes:k', Buffer.from('D9\n'));
  form.heard(session, 'p:changes:k', Buffer.from('nonsense'));
  expect(heard).toEqual(['new', null]);
});

describeWithRedis('losses of Redis', () => {
  const opened = new Opened();
  afterEach(() => opened.close());
  const started = async (port?: number, settings: string[] = []): Promise<RedisServer> =>
    opened.add(await RedisServer.start(port, settings), (server) => server.stop());

  it('a Redis that restarts without its data: the values are gone, and later ones arrive with larger versions', async () => {
    const server = await started();
    const client = await opened.ready({ url: server.url });
    const watch = await heardBy(client, { prefix: '' });
    const single = await heardBy(client, { key: 'k' });
    const before = await client.put('k', Buffer.from('first'));
    await eventually('the value', () => single.newest === 'first');
    await server.kill();
    await server.startAgain();
    await eventually('that it is gone', () => single.newest === null && JSON.stringify(watch.newest) === '{}');
    const after = await client.put('k', Buffer.from('second'));
    expect(after).toBeGreaterThan(before);
    await eventually('the value', () => single.newest === 'second' && JSON.stringify(watch.newest) === '{"k":"second"}');
  });

  it('FLUSHALL, which tells nobody: the values are gone within a pulse, also when a new one was written at once', async () => {
    const server = await started();
    const client = await opened.ready({ url: server.url });
    const watch = await heardBy(client, { prefix: '' });
    const redis = opened.redis(server);
    for (const key of ['a', 'b']) await write(redis, key, 'first');
    await eventually('both', () => JSON.stringify(watch.newest) === '{"a":"first","b":"first"}');
    // A pulse has seen this life of the store.
    await eventually(
      'a pulse',
      async () => Number((await redis.info('commandstats')).match(/cmdstat_publish:calls=(\d+)/)![1]) > 4,
    );
    await redis.multi().flushall().exec();
    await write(redis, 'a', 'second');
    await eventually('what is left', () => JSON.stringify(watch.newest) === '{"a":"second"}');
  });

  it('a replica that is promoted without the last writes: what it has is what counts', async () => {
    const quick = ['--repl-diskless-sync-delay', '0'];
    const master = await started(undefined, quick);
    const proxy = opened.add(await FaultProxy.start(master.port), (open) => open.close());
    const replica = await started(undefined, [...quick, '--replicaof', '127.0.0.1', String(master.port)]);
    const client = await opened.ready({ url: `redis://127.0.0.1:${proxy.port}` });
    const watch = await heardBy(client, { prefix: '' });
    const [toMaster, toReplica] = [opened.redis(master), opened.redis(replica)];
    await write(toMaster, 'k', 'first');
    await eventually('the replica', async () => (await toReplica.hget('{trunkline}:values', 'k')) === 'first');
    await toReplica.replicaof('NO', 'ONE');
    await write(toMaster, 'k', 'lost');
    await write(toMaster, 'lost', 'too');
    await eventually('what will be lost', () => JSON.stringify(watch.newest) === '{"k":"lost","lost":"too"}');
    await master.kill();
    // The replica takes the address of the master, as after a failover by a service or Sentinel.
    const promoted = await started(master.port, ['--replicaof', '127.0.0.1', String(replica.port)]);
    const toPromoted = opened.redis(promoted);
    await eventually('its data', async () => (await toPromoted.hget('{trunkline}:values', 'k')) === 'first');
    await toPromoted.replicaof('NO', 'ONE');
    await eventually('what is left', () => JSON.stringify(watch.newest) === '{"k":"first"}');
    await client.put('k', Buffer.from('next'));
    await eventually('the next value', () => JSON.stringify(watch.newest) === '{"k":"next"}');
  });

  it('a write to a server that stops says that the write may have been executed', async () => {
    const server = await started();
    const client = await opened.ready({ url: server.url, silenceMs: 500 });
    server.signal('SIGSTOP');
    const failed = expect(client.put('k', Buffer.from('v'))).rejects.toMatchObject({
      code: 'ERR_TRUNKLINE_STORE_UNREACHABLE',
      mayHaveRun: true,
    });
    await failed;
    server.signal('SIGCONT');
    await eventually('that the client is well', () => client.health.ok);
  });

  it('a state of more than 32 MB arrives, though Redis cuts a subscriber that has so much to get', async () => {
    const server = await started();
    const client = await opened.ready({ url: server.url });
    const redis = opened.redis(server);
    for (let index = 0; index < 12; index++) await write(redis, `big/${index}`, 'x'.repeat(3 * 2 ** 20));
    let size = 0;
    await client.subscribe({ prefix: 'big/' }, (state) => (size = (state as unknown[]).length));
    expect(size).toBe(12);
    expect(client.health.ok).toBe(true);
  });
});
