// A real Redis for the suite of the adapters and for the tests of the adapter: with a proxy before it.

import { Redis } from 'ioredis';
import { connectRedis, redisScripts, type RedisStoreOptions } from '../../../src/adapters/redis';
import { FaultProxy } from '../../../src/testing/fault-proxy';
import type { RedisServer } from '../../support/redis';
import { eventually } from '../../support/eventually';
import type { Place } from '../conformance';

let places = 0;

/** Separate keys at the server, for a single test. */
export async function redisPlace(server: RedisServer, form: 'versioned' | 'strings'): Promise<Place & { prefix: string }> {
  const proxy = await FaultProxy.start(server.port);
  // Another program: connected directly, and patient while the server is away.
  const other = new Redis({ port: server.port, maxRetriesPerRequest: null });
  other.on('error', () => undefined);
  const prefix = form === 'versioned' ? `{place-${++places}}` : `place-${++places}:`;
  const options: RedisStoreOptions = {
    url: `redis://127.0.0.1:${proxy.port}`,
    form,
    prefix,
    timeToLiveMs: 3_000,
    silenceMs: 1_000,
  };
  const bytesOf = (value: string | Uint8Array): Buffer => Buffer.from(value as Uint8Array);
  const withPrefix = (names: string[], start: string): string[] =>
    names
      .filter((name) => name.startsWith(start))
      .map((name) => name.slice(start.length))
      .sort();
  const own =
    form === 'versioned'
      ? {
          write: (key: string, value: string | Uint8Array) =>
            other.eval(redisScripts.write, 1, `${prefix}:meta`, prefix, key, bytesOf(value), ''),
          remove: (key: string) => other.eval(redisScripts.delete, 1, `${prefix}:meta`, prefix, key, ''),
          keys: () => other.hkeys(`${prefix}:values`),
          expire: async () => {
            const versions = (): Promise<unknown> => other.hgetall(`${prefix}:versions`);
            const before = JSON.stringify(await versions());
            const [name] = (await other.keys('*')).filter((each) => each.startsWith(`${prefix}:owner:`));
            await other
              .multi()
              .del(name!)
              .zadd(`${prefix}:deadlines`, 0, name!.slice(`${prefix}:owner:`.length))
              .exec();
            await eventually('the end of the entries', async () => JSON.stringify(await versions()) !== before);
          },
        }
      : {
          write: (key: string, value: string | Uint8Array) => other.set(prefix + key, bytesOf(value)),
          remove: (key: string) => other.del(prefix + key),
          keys: async () => withPrefix(await other.keys('*'), prefix),
          expire: async () =>
            void (await other.del((await other.keys('*')).filter((name) => name.includes(`${prefix}services/`)))),
        };
  return {
    prefix,
    connect: (shared) => connectRedis(options, shared),
    inProcess: { module: 'redis', connect: 'connectRedis', options },
    write: async (key, value) => void (await own.write(key, value)),
    remove: async (key) => void (await own.remove(key)),
    keys: async (start) => (await own.keys()).filter((key) => key.startsWith(start)).sort(),
    server: { kill: () => server.kill(), start: () => server.startAgain() },
    line: { cut: () => proxy.cut(), silence: () => proxy.swallow(), heal: () => proxy.stopSwallowing() },
    expire: () => own.expire(),
    close: async () => {
      other.disconnect();
      await proxy.close();
    },
  };
}
