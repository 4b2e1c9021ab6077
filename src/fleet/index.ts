// `trunkline/fleet`: one upstream connection for many hosts, through an engine that exists. Engines with a server have entries of their
// own, such as `trunkline/fleet/redis`.

export { fleet, fleetStatus, type FleetClass, type FleetMembers } from './fleet';
export type { FleetEngineView, FleetView } from '../fleet-view';
export type { FleetOptions, FleetVerbs } from './options';
export type { FleetState, FleetStatus } from './standing';
export type { FleetSourceClass } from './winner';
export { memoryEngine, type MemoryEngine, type MemoryLink } from './engines/memory';
export type * from './engine';
