// A point of the fleet benchmark: one side with so many members and keys, on a server that was started for this point alone.

import { setTimeout as wait } from 'node:timers/promises';
import { cpuMsOf, residentKbOf, startEngine, type EngineName } from './engine-servers';
import type { Side } from './orders';
import { PartyProcess } from './party-process';

export interface Point {
  readonly engine: EngineName;
  readonly members: number;
  readonly keys: number;
}

/** What one round of a point has given. */
export interface Figures {
  readonly deliveriesPerSecond: number;
  /** Processor time of the engine's server for one delivery, µs, without what the members cost while nothing is delivered. */
  readonly engineUs: number;
  /** Processor time of the process with all members for one delivery, µs. */
  readonly clientUs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  /** Processor time of the engine's server for a member and a second, µs, while nothing is delivered. */
  readonly idleUs: number;
  /** Memory of the engine's server for a member, KB. */
  readonly memberKb: number;
  /** Calls; undefined: this side has none. */
  readonly call: { readonly p50Ms: number; readonly p99Ms: number; readonly engineUs: number } | undefined;
  /** Instances of the user's class that are open; with independent connections each member is such an instance. */
  readonly upstreamClients: number;
  /** How many times another member has taken over. */
  readonly takeovers: number;
}

export async function measurePoint({ engine, members, keys }: Point, side: Side, isQuick: boolean): Promise<Figures> {
  const forMs = isQuick ? 500 : 4_000;
  const server = await startEngine(engine);
  const party = new PartyProcess();
  try {
    const emptyKb = residentKbOf(server.pid);
    await party.ask('open', { side, engine, setup: server.setup, url: server.url, members, keys });
    const memberKb = (residentKbOf(server.pid) - emptyKb) / members;
    await party.ask('deliver', { forMs: forMs / 4 });

    const idleFrom = cpuMsOf(server.pid);
    await wait(forMs);
    const idleShare = (cpuMsOf(server.pid) - idleFrom) / forMs;

    /** Processor time that the server has spent on an order of so many operations, µs an operation. */
    const during = async <T extends { readonly elapsedMs: number }>(run: () => Promise<T>, count: (result: T) => number) => {
      const before = cpuMsOf(server.pid);
      const result = await run();
      const own = cpuMsOf(server.pid) - before - idleShare * result.elapsedMs;
      return { result, engineUs: (Math.max(0, own) * 1_000) / count(result) };
    };
    const values = await during(
      () => party.ask('deliver', { forMs }),
      ({ deliveries }) => deliveries,
    );
    const calls = await during(
      () => party.ask('call', { forMs: side === 'fleet' ? forMs / 2 : 0 }),
      (result) => result.calls,
    );
    const { deliveries, elapsedMs, p50Ms, p99Ms, clientCpuMs, upstreamClients, takeovers } = values.result;
    return {
      deliveriesPerSecond: (deliveries * 1_000) / elapsedMs,
      engineUs: values.engineUs,
      clientUs: (clientCpuMs * 1_000) / deliveries,
      p50Ms,
      p99Ms,
      idleUs: (idleShare * 1e6) / members,
      memberKb,
      call: side === 'fleet' ? { p50Ms: calls.result.p50Ms, p99Ms: calls.result.p99Ms, engineUs: calls.engineUs } : undefined,
      upstreamClients: side === 'fleet' ? upstreamClients : members,
      takeovers: side === 'fleet' ? takeovers : 0,
    };
  } finally {
    await party.stop();
    await server.stop();
  }
}
