/**
 * What tests of upstream classes, and of code over shared clients, are made of.
 * @module trunkline/testing
 */

// The entry of the API reference (typedoc.json): the exports of src/testing/index.ts, and the types that these refer to.

export * from '../../src/testing';
export type { Clock, Timer } from '../../src/time';
