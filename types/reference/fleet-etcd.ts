/**
 * The engine of a fleet over etcd.
 * @module trunkline/fleet/etcd
 */

// The entry of the API reference (typedoc.json): the exports of src/fleet/etcd.ts, and the types that these refer to.

export * from '../../src/fleet/etcd';
