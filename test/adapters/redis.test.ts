// The adapter for Redis in both forms, by the suite of all adapters.

import { describeWithRedis, RedisServer } from '../support/redis';
import { describeAdapter } from './conformance';
import { LACKS } from './lacks';
import { redisPlace } from './support/redis-place';

describeWithRedis('Redis', () => {
  for (const [name, form, settings] of [
    ['redis', 'versioned', []],
    ['redis-strings', 'strings', ['--notify-keyspace-events', 'K$gxe']],
  ] as const) {
    describeAdapter({
      name,
      lacks: LACKS[name],
      largestBytes: 4 * 2 ** 20,
      timeToLiveMs: 3_000,
      start: async () => {
        const server = await RedisServer.start(undefined, ['--appendonly', 'yes', ...settings]);
        return { place: () => redisPlace(server, form), stop: () => server.stop() };
      },
    });
  }
});
