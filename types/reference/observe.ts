/**
 * What one sees of a host: the dashboard.
 * @module trunkline/observe
 */

// The entry of the API reference (typedoc.json): the exports of src/observe/index.ts, and the types that these refer to.

export * from '../../src/observe';
export type * from '../../src/host-view';
