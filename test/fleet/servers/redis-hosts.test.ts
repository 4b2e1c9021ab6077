import { describeWithRedis, RedisServer } from '../../support/redis';
import { answerAt } from '../../support/server-program';
import { describesHosts } from './hosts-scenarios';

describeWithRedis('hosts of a fleet over Redis', () => {
  describesHosts(
    'Redis',
    async () => {
      const server = await RedisServer.start(undefined, ['--appendonly', 'yes']);
      return {
        engine: { module: 'redis', make: 'redisEngine', options: { url: server.url } },
        restart: async ({ keeps }) => {
          if (!keeps) await answerAt(server.port, 'FLUSHALL\r\n');
          await server.kill();
          await server.startAgain();
        },
        connections: async () => {
          const list = (await answerAt(server.port, 'CLIENT LIST\r\n')) ?? '';
          return list.split('\n').filter((line) => /\bresp=3\b/.test(line)).length;
        },
        stop: () => server.stop(),
      };
    },
    2,
  );
});
