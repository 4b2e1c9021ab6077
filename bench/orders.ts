// The orders of the driver for a worker process, and the answers. This file types both sides: worker.ts implements the orders,
// crew.ts asks. Times are of `clock()`, which is the same for all processes of a machine.

import type { Role } from './peers/peer';

export interface Orders {
  /** Joins the host; answers when ready. */
  join(order: { role: Role; port: number; entries: number }): Promise<{ readyAtMs: number }>;
  /** Subscribes to `keys` keys, from the number `first` on; answers when each key has the first value. */
  watch(order: { first: number; keys: number }): Promise<{ startedAtMs: number; endedAtMs: number; cpuUs: number }>;
  /** From now on, counts what is delivered up to the revision `last`. Answers at once. */
  expect(order: { last: number; entries: number }): Promise<void>;
  /** Answers when the last of what is expected is there, or when nothing more comes. */
  delivered(order: Nothing): Promise<Delivered>;
  /** The leader gives new values, by turns to the keys 0 to `keys` - 1, `perTick` values in each turn of the event loop. */
  push(order: { first: number; count: number; keys: number; perTick: number }): Promise<{ startedAtMs: number }>;
  /** Calls `echo`; answers when all calls are answered. */
  call(order: { count: number; inFlight: number }): Promise<Called>;
  /** Answers when the first key has a value that was not given by the process `owner`. */
  succession(order: { owner: number }): Promise<{ owner: number; atMs: number }>;
  /** CPU time of the process since the start. */
  cpu(order: Nothing): Promise<{ cpuUs: number }>;
  /** Heap and buffers after a garbage collection. */
  memory(order: Nothing): Promise<{ usedBytes: number }>;
  /** Resident memory of the process, without a garbage collection before. */
  resident(order: Nothing): Promise<{ mb: number }>;
  /** What the peer has reported as errors since the join. */
  errors(order: Nothing): Promise<string[]>;
}

export type Nothing = Record<string, never>;

export interface Delivered {
  readonly count: number;
  readonly atMs: number;
  readonly cpuUs: number;
  /** Values that came after a newer value of the same key. */
  readonly disordered: number;
  /** Whether the last value is, entry by entry, what the leader gave. */
  readonly lastIsRight: boolean;
}

export interface Called {
  readonly elapsedMs: number;
  readonly cpuUs: number;
  readonly p50Us: number;
  readonly p99Us: number;
  /** Answers that are not what was sent. */
  readonly wrong: number;
}

export type OrderName = keyof Orders;
export type Order<K extends OrderName> = Parameters<Orders[K]>[0];
export type Answer<K extends OrderName> = Awaited<ReturnType<Orders[K]>>;

/** Monotonic, ms. */
export function clock(): number {
  return Number(process.hrtime.bigint()) / 1e6;
}
