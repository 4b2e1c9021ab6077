/**
 * The supervisor: starts an application of several processes, keeps them alive, and replaces them.
 * @module trunkline/supervisor
 */

// The entry of the API reference (typedoc.json): the exports of src/supervisor/index.ts, and the types that these refer to.

export * from '../../src/supervisor';
export type { SlotStatus } from '../../src/supervisor/master/slot';
export type { Action, DataOf, Handler } from '../../src/supervisor/messaging/messenger';
