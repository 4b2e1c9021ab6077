// `trunkline/fleet/redis`: the engine of a fleet over Redis. Loads ioredis when a host opens the engine.

export { redisEngine, type RedisEngineOptions } from './engines/redis/engine';
