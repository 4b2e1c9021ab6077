// Several hosts of a fleet on this machine, each with a cluster port and a secret folder of its own, and with processes that a test kills
// and freezes. What the processes report is checked here.

import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FleetStatus } from '../../../src/fleet';
import type { FleetMemberSetup } from '../../fixtures/fleet-member';
import type { Value } from '../../fixtures/registry-client';
import { Child, type ChildMessage } from '../../support/child';
import { eventually } from '../../support/eventually';
import { now } from '../../support/pauses';
import { freePort } from '../../support/ports';
import { ValueRegistry } from '../../support/value-registry';

export class FleetProcess extends Child {
  readonly host: string;

  constructor(setup: FleetMemberSetup, folder: string) {
    super('fleet-member', { FLEET_MEMBER: JSON.stringify(setup), XDG_RUNTIME_DIR: folder });
    this.host = setup.host;
  }

  /** All values of a key, in the order of arrival. */
  valuesOf(key: string): { readonly at: number; readonly value: Value }[] {
    const values = this.messages.filter(({ type }) => type === 'value') as unknown as { at: number; value: Value }[];
    return values.filter(({ value }) => value.key === key);
  }

  refused(verb: string): ChildMessage | undefined {
    return this.messages.find((message) => message.type === 'refused' && message.verb === verb);
  }

  async status(): Promise<{
    readonly role?: string;
    readonly fleet?: FleetStatus;
    readonly upstream: { readonly state: string };
  }> {
    return (await this.ask({ type: 'status' })) as never;
  }

  async call(
    name: string,
  ): Promise<{ readonly value?: string; readonly error?: { readonly code?: string; readonly message?: string } }> {
    return (await this.ask({ type: 'call', name })) as never;
  }
}

export class FleetHosts {
  readonly registry: ValueRegistry;
  readonly processes: FleetProcess[] = [];
  readonly #folders: string[] = [];
  readonly #ttlMs: number;

  private constructor(registry: ValueRegistry, ttlMs: number) {
    this.registry = registry;
    this.#ttlMs = ttlMs;
  }

  /** @param engine as in the setup of a member; resolves when all processes are ready */
  static async start(
    engine: FleetMemberSetup['engine'],
    given: {
      readonly ttlMs: number;
      readonly hosts?: readonly string[];
      readonly processes?: number;
      readonly checksItself?: boolean;
    },
  ): Promise<FleetHosts> {
    const { ttlMs, hosts = ['a', 'b', 'c'], processes = 2, checksItself = true } = given;
    const fleet = new FleetHosts(await ValueRegistry.start(), ttlMs);
    const group = `group-${randomUUID()}`;
    for (const host of hosts) {
      const port = await freePort();
      const folder = mkdtempSync(join(tmpdir(), 'trunkline-fleet-'));
      fleet.#folders.push(folder);
      for (let n = 0; n < processes; n++) {
        const setup = { host, group, port, registryPort: fleet.registry.port, engine, ttlMs, keys: ['k'], checksItself };
        fleet.processes.push(new FleetProcess(setup, folder));
      }
    }
    try {
      await Promise.all(fleet.processes.map((member) => member.message('ready', ({ type }) => type === 'ready')));
    } catch (error) {
      await fleet.stop();
      throw error;
    }
    return fleet;
  }

  get living(): FleetProcess[] {
    return this.processes.filter(({ isAlive }) => isAlive);
  }

  /** The process with the upstream client. */
  async winner(among = this.living): Promise<FleetProcess> {
    return eventually('one process has the upstream client', () => {
      const pids = this.registry.pids.filter((pid) => pid !== 0);
      return pids.length === 1 ? among.find(({ pid }) => pid === pids[0]) : undefined;
    });
  }

  on(host: string): FleetProcess[] {
    return this.living.filter((member) => member.host === host);
  }

  /** Sets a value and waits until processes have the value. @returns how long that took since a moment, ms */
  async spread(among = this.living, sinceMs = now()): Promise<number> {
    const version = this.registry.set('k', 'x'.repeat(850));
    let last = 0;
    for (const member of among) {
      const arrived = await eventually(`version ${version} at ${member.host}`, () =>
        member.valuesOf('k').find(({ value }) => value.version >= version),
      );
      last = Math.max(last, arrived.at);
    }
    return last - sinceMs;
  }

  /** Sets values until processes have a value that another upstream client brought. @returns how long that took, ms */
  async followed(deposed: number, among: readonly FleetProcess[], sinceMs: number): Promise<number> {
    const timer = setInterval(() => this.registry.set('k', 'x'.repeat(850)), 10);
    try {
      const first = await Promise.all(
        among.map((member) =>
          eventually(`a value of the next winner at ${member.host}`, () =>
            member.valuesOf('k').find(({ at, value }) => at >= sinceMs && value.pid !== deposed),
          ),
        ),
      );
      return Math.max(...first.map(({ at }) => at)) - sinceMs;
    } finally {
      clearInterval(timer);
    }
  }

  /** No process has seen a value go back, and no call has run twice. @param except a process without checks */
  check(except?: FleetProcess): void {
    for (const member of this.processes.filter((each) => each !== except)) {
      const versions = member.valuesOf('k').map(({ value }) => value.version);
      const back = versions.findIndex((version, at) => at > 0 && version < versions[at - 1]!);
      if (back >= 0)
        throw new Error(`values went back at ${member.host}: ${versions.slice(Math.max(0, back - 3), back + 2).join(', ')}`);
    }
    const twice = this.runs.filter((name, at, all) => all.indexOf(name) !== at);
    if (twice.length > 0) throw new Error(`calls ran twice: ${twice.join(', ')}`);
  }

  /** The names of calls that have run, oldest first. */
  get runs(): string[] {
    return this.registry.publications.flatMap(({ registration }) => (registration as { run?: string }).run ?? []);
  }

  get ttlMs(): number {
    return this.#ttlMs;
  }

  async stop(): Promise<void> {
    await Promise.all(this.processes.map((member) => member.stop()));
    await this.registry.close();
    for (const folder of this.#folders) rmSync(folder, { recursive: true, force: true });
  }
}

/** Measured figures belong into the output of a test run. */
export function printFigure(what: string, ms: number): void {
  process.stdout.write(`${what}: ${ms.toFixed(0)} ms\n`);
}
