// `trunkline/redis`: keys and services in Redis, over one pair of connections of the host.

import { connectStore, type Store, type StoreOptions } from '../front';
import { serverOf, type RedisStoreOptions } from './redis-options';
import { RedisStoreClient } from './redis-store-client';
import { DELETE, WRITE } from './scripts';

export * from '../face';
export { RedisStoreClient } from './redis-store-client';
export type { RedisConnection, RedisLike, RedisStoreOptions } from './redis-options';

/**
 * Programs in Lua by which other programs write what the versioned form watches: `EVAL write 1 P:meta P key value ''` and
 * `EVAL delete 1 P:meta P key ''`, with P as the prefix. The last argument may be the version that the key must have.
 */
export const redisScripts: { readonly write: string; readonly delete: string } = { write: WRITE.text, delete: DELETE.text };

/**
 * Shares a Redis with all processes of the host. Needs the package `ioredis`.
 * @param shared options of the shared client, such as `port`
 * @throws TrunklineError ERR_TRUNKLINE_OPTION_INVALID
 */
export function connectRedis(options: RedisStoreOptions = {}, shared?: StoreOptions): Store {
  return connectStore(RedisStoreClient, `redis ${serverOf(options)}`, options, shared);
}
