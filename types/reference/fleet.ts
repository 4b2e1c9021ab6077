/**
 * One upstream connection for many hosts, through an engine that exists.
 * @module trunkline/fleet
 */

// The entry of the API reference (typedoc.json): the exports of src/fleet/index.ts, and the types that these refer to.

export * from '../../src/fleet';
