/**
 * Configuration from files, shared by all processes of a host.
 * @module trunkline/file
 */

// The entry of the API reference (typedoc.json): the exports of src/adapters/file/index.ts, and the types that these refer to.

export * from '../../src/adapters/file';
