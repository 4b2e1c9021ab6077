// What the tests of the adapter for Redis have in common: clients of the adapter's class without sharing, what a client hears, and another program.

import { Redis } from 'ioredis';
import type { StoredEntry, StoreHealth, Watched, WatchedState } from '../../../src/adapters/face';
import { RedisStoreClient, redisScripts, type RedisStoreOptions } from '../../../src/adapters/redis';
import type { TrunklineError } from '../../../src/errors';
import type { RedisServer } from '../../support/redis';

/** Everything that a test opens, closed after the test. */
export class Opened {
  readonly #closings: (() => unknown)[] = [];

  add<T>(opened: T, close: (opened: T) => unknown): T {
    this.#closings.push(() => close(opened));
    return opened;
  }

  async close(): Promise<void> {
    for (const close of this.#closings.splice(0).reverse()) await close();
  }

  client(options: RedisStoreOptions): RedisStoreClient {
    return this.add(new RedisStoreClient({ timeToLiveMs: 3_000, silenceMs: 1_000, ...options }), (client) => client.close());
  }

  async ready(options: RedisStoreOptions): Promise<RedisStoreClient> {
    const client = this.client(options);
    await client.ready();
    return client;
  }

  /** Another program, connected directly. */
  redis(server: RedisServer, options: { readonly password?: string } = {}): Redis {
    const redis = new Redis({ port: server.port, maxRetriesPerRequest: null, ...options });
    redis.on('error', () => undefined);
    return this.add(redis, (open) => open.disconnect());
  }
}

/** The states that a watch has heard, values as texts. */
export async function heardBy(client: RedisStoreClient, what: Watched): Promise<{ texts: unknown[]; readonly newest: unknown }> {
  const texts: unknown[] = [];
  await client.subscribe(what, (state) => void texts.push(textOf(state)));
  return {
    texts,
    get newest() {
      return texts.at(-1);
    },
  };
}

function textOf(state: WatchedState): unknown {
  const text = ({ bytes }: StoredEntry): string => Buffer.from(bytes).toString();
  if (Array.isArray(state)) return Object.fromEntries((state as StoredEntry[]).map((entry) => [entry.key, text(entry)]));
  return state && text(state as StoredEntry);
}

export function write(redis: Redis, key: string, text: string, prefix = '{trunkline}'): Promise<unknown> {
  return redis.eval(redisScripts.write, 1, `${prefix}:meta`, prefix, key, text, '');
}

export function codeOf(health: StoreHealth): string | undefined {
  return (health.error as TrunklineError | undefined)?.code;
}
