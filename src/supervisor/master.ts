// The desired state of an application: one agent, so many workers. Each is a slot that keeps itself taken.

import cluster from 'node:cluster';
import net from 'node:net';
import { LOOPBACK } from '../endpoint';
import { TrunklineError } from '../errors';
import { formatSeat, SEAT_VARIABLE, type Part } from '../seat';
import { CHILD_ENTRY, type ChildEnd } from './child-handle';
import type { ResolvedSupervisorOptions } from './options';
import { Slot, type SlotState } from './slot';

export interface ProcessStatus {
  readonly name: string;
  readonly pid: number | undefined;
  readonly state: SlotState;
}

export class Master {
  readonly #options: ResolvedSupervisorOptions;
  #agent: Slot | undefined;
  #workers: Slot[] = [];
  #clusterPort: number | undefined;
  #stopping: Promise<{ forced: boolean }> | undefined;

  constructor(options: ResolvedSupervisorOptions) {
    this.#options = options;
  }

  /** Where the shared clients of the application meet; undefined before the start. */
  get clusterPort(): number | undefined {
    return this.#clusterPort;
  }

  get status(): ProcessStatus[] {
    return this.#slots().map(({ name, pid, state }) => ({ name, pid, state }));
  }

  /**
   * Agent, then workers; resolves when all are ready.
   * @throws TrunklineError ERR_TRUNKLINE_BOOT_FAILED when one of them dies before; the others are stopped then
   */
  async start(): Promise<void> {
    const { agent, app, scheduling, workers } = this.#options;
    this.#clusterPort = this.#options.clusterPort ?? (await freePort());
    cluster.schedulingPolicy = scheduling === 'rr' ? cluster.SCHED_RR : cluster.SCHED_NONE;
    cluster.setupPrimary({ exec: CHILD_ENTRY, args: [app] });
    if (agent !== undefined) {
      this.#agent = this.#slot('agent', 'agent', agent, 'leads');
      await this.#allReady([this.#agent]);
    }
    const part = agent === undefined ? 'competes' : 'follows';
    this.#workers = Array.from({ length: workers }, (_, i) => this.#slot(`worker ${i + 1}`, 'worker', app, part));
    await this.#allReady(this.#workers);
  }

  /** Workers first, then the agent, within the one deadline of the option. Idempotent. */
  stop(): Promise<{ forced: boolean }> {
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /** Ends everything at once; `stop()` resolves then. */
  kill(): void {
    void this.stop();
    for (const slot of this.#slots()) slot.kill();
  }

  async #stop(): Promise<{ forced: boolean }> {
    const deadline = performance.now() + this.#options.stopTimeoutMs;
    const stop = (slot: Slot): Promise<boolean> => slot.stop(Math.max(1, deadline - performance.now()));
    const workers = await Promise.all(this.#workers.map(stop));
    const agent = this.#agent ? await stop(this.#agent) : false;
    return { forced: [...workers, agent].includes(true) };
  }

  #slots(): Slot[] {
    return this.#agent ? [this.#agent, ...this.#workers] : [...this.#workers];
  }

  #slot(name: string, kind: 'agent' | 'worker', file: string, part: Part): Slot {
    const { env, logger, startTimeoutMs } = this.#options;
    const seat = formatSeat({ part, clusterPort: this.#clusterPort! });
    return new Slot(name, { kind, file, env: { ...env, [SEAT_VARIABLE]: seat } }, startTimeoutMs, logger);
  }

  async #allReady(slots: readonly Slot[]): Promise<void> {
    for (const slot of slots) slot.start();
    try {
      await Promise.all(slots.map((slot) => slot.firstReady.catch((end: ChildEnd) => this.#bootFailed(slot, end))));
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  #bootFailed(slot: Slot, { code, signal, reason }: ChildEnd): never {
    const how = signal === null ? `with code ${code}` : `by ${signal}`;
    throw new TrunklineError(
      'ERR_TRUNKLINE_BOOT_FAILED',
      `${slot.name} ended ${how} before it was ready${reason === undefined ? '' : `: ${reason}`}; nothing is left running`,
      { process: slot.name, exitCode: code, signal },
    );
  }
}

/** The port is chosen once and given to all children, who bind it themselves. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = net.createServer();
    server.once('error', reject);
    server.listen({ host: LOOPBACK, port: 0, exclusive: true }, () => {
      const { port } = server.address() as net.AddressInfo;
      server.close(() => resolve(port));
    });
  });
}
