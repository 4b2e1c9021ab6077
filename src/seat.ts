// What a supervisor and the shared client have in common: an environment variable in which the supervisor tells each child where
// the processes of the application meet, and how the child may lead there; a mark on the servers that are no application's;
// the clients that are to be closed before a process ends; and whether that end has begun.

import type { Candidacy } from '../protocol/candidacy';
import { Secret } from './secret';

/** Environment variable that the supervisor sets for each child. */
export const SEAT_VARIABLE = 'TRUNKLINE_SEAT';

/** Property of the servers on which processes of the shared client meet. */
export const OWN_SERVER = Symbol.for('trunkline#server');

export interface Seat {
  /**
   * How a child may lead any channel: `leads` (the agent), `succeeds` (the next agent, while the present agent still leads),
   * `follows` (workers next to an agent, and any process that a child starts), `competes` (workers alone).
   */
  readonly candidacy: Candidacy;
  /** The cluster port of the application. */
  readonly clusterPort: number;
}

/** The value of the variable, e.g. `follows:41234`. */
export function formatSeat({ candidacy, clusterPort }: Seat): string {
  return `${candidacy}:${clusterPort}`;
}

/** @returns undefined for anything that formatSeat has not written */
export function parseSeat(text: string | undefined): Seat | undefined {
  const [, candidacy, port] = /^(leads|succeeds|follows|competes):(\d{1,5})$/.exec(text ?? '') ?? [];
  return candidacy === undefined ? undefined : { candidacy: candidacy as Candidacy, clusterPort: Number(port) };
}

const SEAT = Symbol.for('trunkline#seat');

/**
 * Takes the seat that the environment names for this process, before any program runs. Everything that this process starts
 * (processes, threads, shells) inherits the environment, and finds a seat there that follows.
 */
export function takeSeat(env: NodeJS.ProcessEnv): void {
  const seat = parseSeat(env[SEAT_VARIABLE]);
  if (!seat) return;
  (globalThis as { [SEAT]?: Seat })[SEAT] = seat;
  env[SEAT_VARIABLE] = formatSeat({ ...seat, candidacy: 'follows' });
}

/** The seat that this process has taken or inherited. Every copy of this library in the process finds the same seat. */
export function seatOf(env: NodeJS.ProcessEnv): Seat | undefined {
  return (globalThis as { [SEAT]?: Seat })[SEAT] ?? parseSeat(env[SEAT_VARIABLE]);
}

/**
 * The secret with which the processes of the application identify at the cluster port, e.g. `41234:9f3c…`. The supervisor sets
 * this variable for each child, and processes that a child starts inherit the variable. Only this user and root can read the
 * environment of a process.
 */
export const SEAT_SECRET_VARIABLE = 'TRUNKLINE_SEAT_SECRET';

export function formatSeatSecret(clusterPort: number, secret: string): string {
  return `${clusterPort}:${secret}`;
}

const GRANTED = Symbol.for('trunkline#secrets');

/**
 * Secrets that a supervisor in this process has made for the children, by cluster port: the master's own clients may join the
 * children.
 */
function granted(): Map<number, Secret> {
  const everywhere = globalThis as { [GRANTED]?: Map<number, Secret> };
  everywhere[GRANTED] ??= new Map();
  return everywhere[GRANTED];
}

export function grantSecret(clusterPort: number, secret: string): void {
  granted().set(clusterPort, new Secret(secret));
}

/** @returns undefined when no supervisor has made a secret for this cluster port */
export function seatSecretAt(clusterPort: number, env: NodeJS.ProcessEnv): Secret | undefined {
  const [, port, text] = /^(\d{1,5}):([0-9a-f]{32,})$/.exec(env[SEAT_SECRET_VARIABLE] ?? '') ?? [];
  return granted().get(clusterPort) ?? (text !== undefined && Number(port) === clusterPort ? new Secret(text) : undefined);
}

const CLIENTS = Symbol.for('trunkline#clients');

/** A client that is not closed: a function that closes the client. */
export interface OpenClient {
  (): Promise<void>;
  /** How the client stands, as plain data. */
  readonly status: () => unknown;
  /** What the client tells for a look at the host; see process-report.ts. Absent in other versions of this library. */
  readonly report?: (withKeys: boolean) => unknown;
  /** Another text when the report would say something new. */
  readonly stamp?: () => string;
}

/** The open clients of this process, of every copy of this library. Each client adds itself, and removes itself when closed. */
export function openClients(): Set<OpenClient> {
  const everywhere = globalThis as { [CLIENTS]?: Set<OpenClient> };
  everywhere[CLIENTS] ??= new Set();
  return everywhere[CLIENTS];
}

const ENDING = Symbol.for('trunkline#ending');

/** The supervisor has begun to end this process: what is closed from here on is no failure that anybody must hear of. */
export function markEnding(): void {
  (globalThis as { [ENDING]?: true })[ENDING] = true;
}

export function isEnding(): boolean {
  return (globalThis as { [ENDING]?: true })[ENDING] === true;
}
