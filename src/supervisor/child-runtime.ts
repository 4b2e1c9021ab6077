// What happens in a child: load the program, say when it is ready, and end in order when told to or when the master is gone.

import cluster from 'node:cluster';
import { pathToFileURL } from 'node:url';
import { inspect } from 'node:util';
import { HttpServers } from './http-servers';
import { isOurs, type ToMaster } from './messages';

/** How long an orphan may take to finish, ms. */
const ORPHAN_MS = 750;

type StopCallback = () => unknown;

interface Module {
  readonly default?: { readonly __esModule?: unknown; readonly default?: unknown };
}

export class ChildRuntime {
  readonly #exit: (code: number) => void;
  readonly #servers = new HttpServers();
  readonly #callbacks: StopCallback[] = [];
  #stopping = false;

  /** @param exit ends the process */
  constructor(exit: (code: number) => void) {
    this.#exit = exit;
  }

  /** Loads the program. The agent is ready when that is done; a worker when it listens, which node:cluster tells the master. */
  async run(file: string): Promise<void> {
    this.#servers.observe();
    process.on('message', (message) => {
      if (isOurs(message) && message.trunkline === 'stop') void this.#stop(message.withinMs, message.gently);
    });
    process.on('disconnect', () => void this.#stop(ORPHAN_MS));
    // The master decides: a Ctrl-C in the terminal goes to every process of the group.
    process.on('SIGINT', () => undefined);
    process.on('SIGTERM', () => void this.#stop(ORPHAN_MS));
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

  /** Runs before the process ends, after its HTTP servers have answered their last requests; last registered first. */
  onStop(callback: StopCallback): void {
    this.#callbacks.push(callback);
  }

  async #stop(withinMs: number, gently = false): Promise<void> {
    if (this.#stopping) return;
    this.#stopping = true;
    let code = 0;
    const late = setTimeout(() => this.#exit(1), withinMs);
    late.unref();
    await this.#servers.drain(gently);
    for (const callback of this.#callbacks.reverse()) {
      try {
        await callback();
      } catch (error) {
        console.error(error);
        code = 1;
      }
    }
    this.#exit(code);
  }

  #tell(message: ToMaster, then?: () => void): void {
    if (process.connected) process.send?.(message, undefined, undefined, () => then?.());
    else then?.();
  }
}

function describe(error: unknown): string {
  return inspect(error); // stack, causes and all
}
