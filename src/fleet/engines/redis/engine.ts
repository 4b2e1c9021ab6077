// `redisEngine({ url })` and `redisEngine({ client })`: a fleet over a Redis that exists. Nothing is loaded or connected before a host
// needs the engine.

import type { Redis } from 'ioredis';
import { TrunklineError } from '../../../errors';
import type { Engine } from '../../engine';
import { RedisSession } from './session';

export interface RedisEngineOptions {
  /** Where Redis is, such as `redis://user:password@10.0.0.5:6379/0`, or `rediss://…` for TLS. Default `redis://127.0.0.1:6379`. */
  url?: string | undefined;
  /** A client of ioredis 6: the engine makes connections of its own with the options of the client, and leaves the client alone. */
  client?: Redis | undefined;
  /**
   * Whether a winner counts as dead when its connection to Redis has ended: a host whose processes were killed is followed at once
   * instead of after the TTL, and a winner whose connection was reset loses leadership. Default false.
   */
  presence?: boolean | undefined;
  /**
   * How many replicas must have what a campaign or a claim has changed, before the winner goes on (`WAIT`). With 0 a promoted replica
   * may lack the newest of both. Default 0.
   */
  replicas?: number | undefined;
}

/** A value in Redis may have 512 MB; a larger one than this blocks the server for all others. */
const LIMITS = { valueBytes: 8 * 1024 * 1024, batchSize: 128, batchBytes: 8 * 1024 * 1024 };

/** @throws TrunklineError ERR_TRUNKLINE_OPTION_INVALID */
export function redisEngine(options: RedisEngineOptions = {}): Engine {
  const { url, client, presence = false, replicas = 0 } = options;
  if (url !== undefined && !/^rediss?:\/\//.test(url)) throw wrong('url', 'must begin with redis:// or rediss://');
  if (client !== undefined && typeof (client as Partial<Redis>).duplicate !== 'function')
    throw wrong('client', 'must be a client of ioredis');
  if (!Number.isInteger(replicas) || replicas < 0) throw wrong('replicas', 'must be a whole number, 0 or more');
  // Messages of another node have no order with the answers of this one, so a fleet needs the node of its slot.
  if ((client as { isCluster?: boolean } | undefined)?.isCluster)
    throw wrong(
      'client',
      'is a Cluster; give the url of the node that has the slot of the group (CLUSTER KEYSLOT "{fleet:GROUP}")',
    );
  return {
    name: 'redis',
    limits: LIMITS,
    open: (setup, listener) => new RedisSession(setup, { place: { url, client }, presence, replicas }, listener),
  };
}

function wrong(option: string, what: string): TrunklineError {
  return new TrunklineError('ERR_TRUNKLINE_OPTION_INVALID', `redisEngine(options): option ${option} ${what}`, { option });
}
