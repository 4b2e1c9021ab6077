// How a host stands in a fleet of hosts, as plain data. The upstream instance of a fleet (src/fleet) carries the data under a symbol, so that the
// core can show a fleet without knowing the fleet.

/** How a host stands in a fleet. */
export interface FleetView {
  readonly group: string;
  /** The name of this host. */
  readonly host: string;
  /**
   * `winner`: the upstream client is in this process. `member`: another host leads. `campaigning`: nobody leads, as far as this host
   * knows. `without engine`: the engine does not answer.
   */
  readonly state: 'without engine' | 'campaigning' | 'member' | 'winner';
  /** The period of leadership between hosts; 0 while none is known. */
  readonly epoch: number;
  /** The host and the process that lead; undefined while nobody does. */
  readonly winner: { readonly host: string; readonly pid: number } | undefined;
  /** Since when values may be old, ms since 1970; undefined while values are new. */
  readonly staleSince: number | undefined;
  /** Why values may be old: the `engine` is silent, no host is the `winner`, or the `upstream` client of the winner says so. */
  readonly stale: 'engine' | 'winner' | 'upstream' | undefined;
  /** What the engine says of itself, with warnings such as a server without persistence. */
  readonly engine: FleetEngineView;
}

/** The engine as a host of the fleet knows the engine. */
export interface FleetEngineView {
  /** `etcd`, `redis` or `memory`, as in `Engine`. */
  readonly name: string;
  /** In the words of the server; undefined until the server has answered. */
  readonly version: string | undefined;
  /** What may lose data or fill the server in production, each a whole sentence with what to do. */
  readonly warnings: readonly string[];
}

/** A getter of an upstream instance under this symbol gives a FleetView. */
export const FLEET_VIEW = Symbol.for('trunkline.fleet-view');

/** @returns undefined for an instance that belongs to no fleet */
export function fleetViewOf(instance: object | undefined): FleetView | undefined {
  try {
    return (instance as { [FLEET_VIEW]?: FleetView } | undefined)?.[FLEET_VIEW];
  } catch {
    return undefined; // a proxy of the user that refuses the question
  }
}

/** Another text when the host stands in another way. */
export function fleetStamp(fleet: FleetView | undefined): string {
  if (!fleet) return '';
  const { state, epoch, stale, winner, engine } = fleet;
  return [state, epoch, stale, winner?.host, winner?.pid, engine.version, ...engine.warnings].join(' ');
}
