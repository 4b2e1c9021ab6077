/**
 * Configuration and services in Redis, shared by all processes of a host.
 * @module trunkline/redis
 */

// The entry of the API reference (typedoc.json): the exports of src/adapters/redis/index.ts, and the types that these refer to.

export * from '../../src/adapters/redis';
