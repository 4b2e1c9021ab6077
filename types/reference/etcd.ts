/**
 * Configuration and services in etcd, shared by all processes of a host.
 * @module trunkline/etcd
 */

// The entry of the API reference (typedoc.json): the exports of src/adapters/etcd/index.ts, and the types that these refer to.

export * from '../../src/adapters/etcd';
