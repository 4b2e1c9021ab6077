// A real Sentinel that promotes a replica when the master is killed.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { eventually } from '../../support/eventually';
import { freePort } from '../../support/ports';
import { describeWithRedis, RedisServer } from '../../support/redis';
import { answerAt, RunningServer } from '../../support/server-program';
import { heardBy, Opened } from './support';

describeWithRedis('Redis with Sentinel', () => {
  const opened = new Opened();
  afterEach(() => opened.close());

  it.each(['versioned', 'strings'] as const)('%s: after a failover watches, writes and registrations go on', async (form) => {
    const events = ['--notify-keyspace-events', 'K$gxe', '--repl-diskless-sync-delay', '0'];
    const started = async (settings: readonly string[]): Promise<RedisServer> =>
      opened.add(await RedisServer.start(undefined, settings), (server) => server.stop());
    const master = await started(events);
    const replica = await started([...events, '--replicaof', '127.0.0.1', String(master.port)]);
    const toReplica = opened.redis(replica);
    await eventually('the replica', async () => (await toReplica.info('replication')).includes('master_link_status:up'));
    const sentinelPort = await freePort();
    opened.add(await startSentinel(sentinelPort, master.port), (server) => server.stop());
    const sentinels = [{ host: '127.0.0.1', port: sentinelPort }];
    const client = await opened.ready({ ioredis: { sentinels, name: 'main' }, form });
    const watch = await heardBy(client, { prefix: '' });
    await client.publish({ key: 'mine', text: 'me' });
    await client.put('k', Buffer.from('before'));
    await eventually('the value', () => JSON.stringify(watch.newest) === '{"k":"before","mine":"me"}');
    await eventually('that the replica is known to Sentinel and has all', async () => {
      const known = await answerAt(sentinelPort, 'SENTINEL replicas main\r\n');
      return known?.includes(String(replica.port)) && (await toReplica.info('replication')).includes('master_sync_in_progress:0');
    });
    await master.kill();
    await eventually('that values are stale', () => !client.health.ok);
    await eventually('that the client is well', () => client.health.ok);
    await client.put('k', Buffer.from('after'));
    await eventually('the values', () => JSON.stringify(watch.newest) === '{"k":"after","mine":"me"}');
    expect(client.health.ok).toBe(true);
  });
});

function startSentinel(port: number, masterPort: number): Promise<RunningServer> {
  return RunningServer.start({
    name: 'Sentinel',
    command: 'redis-server',
    args: (folder) => {
      // Sentinel writes into the configuration, which must be a file.
      const file = join(folder, 'sentinel.conf');
      writeFileSync(
        file,
        `port ${port}
bind 127.0.0.1
dir ${folder}
sentinel monitor main 127.0.0.1 ${masterPort} 1
sentinel down-after-milliseconds main 1000
sentinel failover-timeout main 10000
`,
      );
      return [file, '--sentinel'];
    },
    answers: async () => (await answerAt(port, 'PING\r\n')) === '+PONG\r\n',
  });
}
