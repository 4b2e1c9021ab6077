/**
 * The engine of a fleet over Redis.
 * @module trunkline/fleet/redis
 */

// The entry of the API reference (typedoc.json): the exports of src/fleet/redis.ts, and the types that these refer to.

export * from '../../src/fleet/redis';
