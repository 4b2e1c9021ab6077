// The Redis engine over a real Redis, each session through a separate path.

import { redisEngine } from '../../src/fleet/engines/redis/engine';
import { leavesNothingOpen } from '../support/open-handles';
import { describeWithRedis, RedisServer } from '../support/redis';
import { answerAt } from '../support/server-program';
import { describesEngine } from './engine-conformance';
import { NetworkPath } from './network-path';

leavesNothingOpen();

describeWithRedis('the Redis engine', () => {
  describesEngine(async () => {
    const server = await RedisServer.start(undefined, ['--appendonly', 'yes', '--appendfsync', 'always']);
    const paths: NetworkPath[] = [];
    return {
      waitsAfterLoss: true,
      link: async () => {
        const path = await NetworkPath.start(server.port);
        paths.push(path);
        const engine = redisEngine({ url: `redis://127.0.0.1:${path.port}` });
        return { engine, cut: () => path.cut(), restore: () => path.restore() };
      },
      restart: async ({ isEmpty }) => {
        if (isEmpty) await answerAt(server.port, 'FLUSHALL\r\n');
        await server.kill();
        await server.startAgain();
      },
      close: async () => {
        await Promise.all(paths.map((path) => path.close()));
        await server.stop();
      },
    };
  });
});
