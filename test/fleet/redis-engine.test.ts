// The Redis engine over a real Redis, each session through a separate proxy.

import { redisEngine } from '../../src/fleet/engines/redis/engine';
import { FaultProxy } from '../../src/testing/fault-proxy';
import { leavesNothingOpen } from '../support/open-handles';
import { describeWithRedis, RedisServer } from '../support/redis';
import { answerAt } from '../support/server-program';
import { linkThrough } from './engine-bed';
import { describesEngine } from './engine-conformance';

leavesNothingOpen();

describeWithRedis('the Redis engine', () => {
  describesEngine(async () => {
    const server = await RedisServer.start(undefined, ['--appendonly', 'yes', '--appendfsync', 'always']);
    const proxies: FaultProxy[] = [];
    return {
      waitsAfterLoss: true,
      link: async () => {
        const proxy = await FaultProxy.start(server.port);
        proxies.push(proxy);
        const engine = redisEngine({ url: `redis://127.0.0.1:${proxy.port}` });
        return linkThrough(proxy, engine);
      },
      restart: async ({ isEmpty }) => {
        if (isEmpty) await answerAt(server.port, 'FLUSHALL\r\n');
        await server.kill();
        await server.startAgain();
      },
      close: async () => {
        await Promise.all(proxies.map((proxy) => proxy.close()));
        await server.stop();
      },
    };
  });
});
