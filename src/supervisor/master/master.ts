// The desired state of an application: one agent, so many workers. Each is a slot that keeps itself taken.

import cluster from 'node:cluster';
import net from 'node:net';
import { loopback } from '../../endpoint';
import { TrunklineError } from '../../errors';
import { formatSeat, SEAT_VARIABLE, type Part } from '../../seat';
import type { ChildEnd } from './child-handle';
import type { ResolvedSupervisorOptions } from '../options';
import { Slot, type SlotState } from './slot';

/** The share of a stop that belongs to the workers where there is an agent. */
const WORKERS_SHARE = 0.8;

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
  #reloading: Promise<void> = Promise.resolve();
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
    if (agent !== undefined) {
      this.#agent = this.#slot('agent', 'agent', agent, 'leads');
      await this.#allReady([this.#agent]);
    }
    const part = agent === undefined ? 'competes' : 'follows';
    this.#workers = Array.from({ length: workers }, (_, i) => this.#slot(`worker ${i + 1}`, 'worker', app, part));
    await this.#allReady(this.#workers);
  }

  /**
   * Replaces the workers one by one, each by one that is ready before, then restarts the agent. A second call waits its turn.
   * @throws TrunklineError ERR_TRUNKLINE_RELOAD_FAILED at the first worker that cannot be replaced; the old ones stay
   */
  reload(): Promise<void> {
    const reload = this.#reloading.then(() => this.#reload());
    this.#reloading = reload.catch(() => undefined); // whoever asked is told
    return reload;
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

  async #reload(): Promise<void> {
    const { reloadTimeoutMs } = this.#options;
    for (const worker of this.#workers) {
      if (this.#stopping) return;
      await worker.reload(reloadTimeoutMs);
    }
    await Promise.all(this.#workers.map((worker) => worker.drained()));
    if (!this.#stopping) await this.#agent?.restart();
  }

  async #stop(): Promise<{ forced: boolean }> {
    const { stopTimeoutMs } = this.#options;
    const deadline = performance.now() + stopTimeoutMs;
    // Workers that take all of their time must leave some to the agent.
    const workersMs = this.#agent ? stopTimeoutMs * WORKERS_SHARE : stopTimeoutMs;
    const workers = await Promise.all(this.#workers.map((worker) => worker.stop(workersMs)));
    const agent = await this.#agent?.stop(deadline - performance.now());
    return { forced: [...workers, agent].includes(true) };
  }

  #slots(): Slot[] {
    return this.#agent ? [this.#agent, ...this.#workers] : [...this.#workers];
  }

  #slot(name: string, kind: 'agent' | 'worker', file: string, part: Part): Slot {
    const { env, logger } = this.#options;
    const seat = formatSeat({ part, clusterPort: this.#clusterPort! });
    return new Slot(name, { kind, file, env: { ...env, [SEAT_VARIABLE]: seat } }, this.#options, logger);
  }

  async #allReady(slots: readonly Slot[]): Promise<void> {
    if (!this.#stopping) for (const slot of slots) slot.start();
    try {
      this.#assertNotStopped();
      await Promise.all(slots.map((slot) => slot.firstReady.catch((end: ChildEnd) => this.#bootFailed(slot, end))));
      this.#assertNotStopped(); // a child that was told to stop may have become ready all the same
    } catch (error) {
      await this.stop();
      throw error;
    }
  }

  #assertNotStopped(): void {
    if (this.#stopping) throw new TrunklineError('ERR_TRUNKLINE_BOOT_FAILED', 'the application was stopped during its start');
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

/** Cluster ports are chosen below the ephemeral range, where no outgoing connection can have one. */
const FIRST_PORT = 20_000;
const LAST_PORT = 32_000;

/** The port is chosen once and given to all children, who bind it themselves. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = FIRST_PORT + Math.floor(Math.random() * (LAST_PORT - FIRST_PORT));
    if (await isFree(port)) return port;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = net.createServer();
    server.once('error', () => resolve(false));
    server.listen({ ...loopback(port), exclusive: true }, () => server.close(() => resolve(true)));
  });
}
