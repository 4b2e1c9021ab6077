// How a host stands in a fleet, and whether the values may be old. Two causes, told apart: the engine is silent, or nobody leads. A
// short takeover is neither.

import { TrunklineError } from '../errors';
import type { FleetEngineView, FleetView } from '../fleet-view';
import { fleetChannel } from '../telemetry';
import type { Clock, Timer } from '../time';
import type { Leader } from './engine';

/** How this host stands in a fleet, as plain data. */
export type FleetStatus = FleetView;

/** The states of a host in a fleet. */
export type FleetState = FleetView['state'];

export interface StandingSetup {
  readonly group: string;
  readonly host: string;
  readonly pid: number;
  readonly ttlMs: number;
  readonly clock: Clock;
  /** The name of the engine. */
  readonly engine: string;
  /** Values may be old, or are not any more. */
  onHealth(health: { readonly ok: boolean; readonly error?: Error | undefined }): void;
}

export class Standing {
  readonly #setup: StandingSetup;
  #isUp = false;
  #ownEpoch: number | undefined;
  #leader: Leader | undefined;
  /** When the engine was heard last, and when a leader was last known, on the clock. */
  #heardAt: number;
  #ledAt: number;
  #upstream: Error | undefined;
  #stale: FleetStatus['stale'];
  #staleSince: number | undefined;
  #engine: FleetEngineView;
  #look: Timer | undefined;
  #told = '';

  constructor(setup: StandingSetup) {
    this.#setup = setup;
    this.#heardAt = this.#ledAt = setup.clock.now();
    this.#engine = { name: setup.engine, version: undefined, warnings: [] };
    this.#lookLater();
  }

  get status(): FleetStatus {
    const { group, host, pid } = this.#setup;
    const state =
      this.#ownEpoch !== undefined ? 'winner' : !this.#isUp ? 'without engine' : this.#leader ? 'member' : 'campaigning';
    const winner =
      this.#ownEpoch !== undefined ? { host, pid } : this.#leader && { host: this.#leader.host, pid: this.#leader.pid };
    return {
      group,
      host,
      state,
      epoch: this.#ownEpoch ?? this.#leader?.epoch ?? 0,
      winner,
      staleSince: this.#staleSince,
      stale: this.#stale,
      engine: this.#engine,
    };
  }

  up(): void {
    this.#isUp = true;
    this.#ledAt = this.#setup.clock.now(); // who leads is told next
    this.heard();
  }

  down(): void {
    this.#isUp = false;
    this.#leader = undefined;
    this.#check();
  }

  /** The engine has answered: everything before has been told. */
  heard(): void {
    this.#heardAt = this.#setup.clock.now();
    this.#check();
  }

  /** @param ownEpoch of the own leadership; undefined: this host does not lead */
  leads(leader: Leader | undefined, ownEpoch: number | undefined): void {
    if (this.#leader || this.#ownEpoch !== undefined) this.#ledAt = this.#setup.clock.now();
    this.#leader = leader;
    this.#ownEpoch = ownEpoch;
    this.#check();
  }

  /** What the upstream client of the winner says of itself; undefined: all is well. */
  upstream(error: Error | undefined): void {
    this.#upstream = error;
    this.#check();
  }

  /** What the engine's server says of itself. */
  engine(engine: FleetEngineView): void {
    this.#engine = engine;
    this.#check();
  }

  close(): void {
    this.#setup.clock.clearTimeout(this.#look);
  }

  #lookLater(): void {
    this.#look = this.#setup.clock.setTimeout(
      () => {
        this.#check();
        this.#lookLater();
      },
      Math.max(50, this.#setup.ttlMs / 10),
    );
    this.#look.unref();
  }

  #check(): void {
    const stale = this.#cause();
    if (stale !== this.#stale) {
      this.#stale = stale;
      this.#staleSince = stale ? (this.#staleSince ?? Date.now()) : undefined;
      this.#setup.onHealth(stale ? { ok: false, error: this.#errorOf(stale) } : { ok: true });
    }
    const { status } = this;
    const text = JSON.stringify(status);
    if (text === this.#told) return;
    this.#told = text;
    if (fleetChannel.hasSubscribers) fleetChannel.publish(status);
  }

  #cause(): FleetStatus['stale'] {
    const { clock, ttlMs } = this.#setup;
    const now = clock.now();
    // The winner has values from the upstream client, and stops by the own clock when the engine is silent.
    if (this.#ownEpoch === undefined) {
      if (now - this.#heardAt > ttlMs) return 'engine';
      if (!this.#leader && now - this.#ledAt > ttlMs) return 'winner';
    }
    return this.#upstream ? 'upstream' : undefined;
  }

  #errorOf(why: NonNullable<FleetStatus['stale']>): Error {
    const { group, ttlMs } = this.#setup;
    if (why === 'upstream') return this.#upstream!;
    const what = why === 'engine' ? `the engine has been silent for ${ttlMs} ms` : `no host has led for ${ttlMs} ms`;
    return new TrunklineError('ERR_TRUNKLINE_FLEET_STALE', `fleet ${group}: values may be old, ${what}; they stay`, {
      group,
      why,
    });
  }
}
