/**
 * Configuration and services in ZooKeeper, shared by all processes of a host.
 * @module trunkline/zookeeper
 */

// The entry of the API reference (typedoc.json): the exports of src/adapters/zookeeper/index.ts, and the types that these refer to.

export * from '../../src/adapters/zookeeper';
