// What the driver of the fleet benchmark asks of the process with the members, and the answers.

import type { EngineName, EngineSetup } from './engine-servers';

/** `fleet`: members of a fleet and a winner. `independent`: as many connections of their own, as without a fleet. */
export type Side = 'fleet' | 'independent';
export const SIDES: readonly Side[] = ['fleet', 'independent'];

export interface PartySetup {
  readonly side: Side;
  readonly engine: EngineName;
  readonly setup: EngineSetup;
  readonly url: string;
  readonly members: number;
  readonly keys: number;
}

export interface Orders {
  /** Opens the members; done when each has a value of each key. */
  readonly open: PartySetup;
  /** Sets values for a time. */
  readonly deliver: { readonly forMs: number };
  /** Calls for a time, one call after the other, each of another member. */
  readonly call: { readonly forMs: number };
}

export interface Answers {
  readonly open: object;
  readonly deliver: Deliveries;
  readonly call: Calls;
}

export interface Deliveries {
  readonly deliveries: number;
  readonly elapsedMs: number;
  /** From the source to a listener of a member, ms. */
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Processor time of the process with the members, ms. */
  readonly clientCpuMs: number;
  /** Instances of the user's class that are open. */
  readonly upstreamClients: number;
  /** How many times another member has taken over since the start. */
  readonly takeovers: number;
}

export interface Calls {
  readonly calls: number;
  readonly elapsedMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export type OrderName = keyof Orders;
export type OrderMessage = {
  readonly [K in OrderName]: { readonly id: number; readonly name: K; readonly order: Orders[K] };
}[OrderName];
export type AnswerMessage = { readonly id: number; readonly answer?: unknown; readonly error?: string };
