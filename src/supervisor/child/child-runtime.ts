// What happens in a child: load the program, say when it is ready, and end in order when told to or when the master is gone.

import cluster from 'node:cluster';
import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import { isOurs, type ToChild, type ToMaster } from '../messages';
import { ServerSockets } from './server-sockets';

/** How long an orphan may take to finish, ms. */
const ORPHAN_MS = 750;
/** The share of a stop in which connections may finish; the rest is for callbacks. */
const DRAIN_SHARE = 0.7;
/** How long the master may take to say farewell, ms. */
const FAREWELL_MS = 250;
/** Longer reasons are cut: the pipe to the master is, at the end of a process, not patient. */
const MAX_REASON = 8_000;

type StopCallback = () => unknown;

interface Module {
  readonly default?: { readonly __esModule?: unknown; readonly default?: unknown };
}

export class ChildRuntime {
  readonly #exit: (code: number) => void;
  readonly #sockets = new ServerSockets();
  readonly #callbacks: StopCallback[] = [];
  #stopping = false;
  #onFarewell: () => void = () => undefined;

  /** @param exit ends the process */
  constructor(exit: (code: number) => void) {
    this.#exit = exit;
  }

  /** Loads the program. The agent is ready when that is done; a worker when it listens, which node:cluster tells the master. */
  async run(file: string): Promise<void> {
    this.#sockets.observe();
    process.on('message', (message) => {
      if (isOurs(message)) this.#onMessage(message as ToChild);
    });
    // Otherwise node:cluster ends the worker at once when the master is gone.
    if (cluster.worker) cluster.worker.exitedAfterDisconnect = true;
    process.on('disconnect', () => void this.#stop(ORPHAN_MS, false));
    // The master decides: Ctrl-C and a service manager's SIGTERM go to every process of the group, in no order.
    process.on('SIGINT', () => undefined);
    process.on('SIGTERM', () => this.#tell({ trunkline: 'terminated' }));
    process.on('uncaughtExceptionMonitor', (error) => this.#tell({ trunkline: 'failed', reason: describe(error) }));
    try {
      const module = (await import(pathToFileURL(file).href)) as Module;
      // A promise that the module exports; compiled TypeScript has it one level deeper.
      await (module.default?.__esModule ? module.default.default : module.default);
      if (!cluster.isWorker) this.ready();
    } catch (error) {
      this.#tell({ trunkline: 'failed', reason: describe(error) }, () => this.#exit(1));
    }
  }

  /** The program says itself that it is ready. */
  ready(): void {
    this.#tell({ trunkline: 'ready' });
  }

  /** Runs before the process ends, after its connections have finished; last registered first. */
  onStop(callback: StopCallback): void {
    this.#callbacks.push(callback);
  }

  #onMessage(message: ToChild): void {
    if (message.trunkline === 'stop') void this.#stop(message.withinMs, message.gently);
    else this.#onFarewell();
  }

  async #stop(withinMs: number, gently: boolean): Promise<void> {
    setTimeout(() => this.#exit(1), withinMs).unref();
    if (this.#stopping) {
      if (!gently) this.#sockets.endIdle(); // told again, and now it is urgent
      return;
    }
    this.#stopping = true;
    let code = 0;
    await this.#sockets.drain(withinMs * DRAIN_SHARE, gently);
    for (const callback of this.#callbacks.reverse()) {
      try {
        await callback();
      } catch (error) {
        console.error(error);
        code = 1;
      }
    }
    await this.#farewell();
    this.#exit(code);
  }

  /** A connection that the master has just handed to this process goes back to it and on to another: wait for that. */
  #farewell(): Promise<void> {
    return new Promise((resolve) => {
      const limit = setTimeout(resolve, FAREWELL_MS);
      this.#onFarewell = () => {
        clearTimeout(limit);
        resolve();
      };
      if (process.connected) this.#tell({ trunkline: 'leaving' });
      else this.#onFarewell();
    });
  }

  #tell(message: ToMaster, then?: () => void): void {
    if (process.connected) process.send?.(message, undefined, undefined, () => then?.());
    else then?.();
  }
}

function describe(error: unknown): string {
  return inspect(error).slice(0, MAX_REASON); // stack, causes and all
}
