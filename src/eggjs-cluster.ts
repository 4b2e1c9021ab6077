// The classes of `@eggjs/cluster` 3.x under their names, which egg 4 exports again. Loading this file loads nothing of the
// supervisor.

import { EventEmitter } from 'node:events';

/** What a started application can be told. */
interface Started {
  stop(): Promise<unknown>;
}

/**
 * An application that starts with the construction, in the way of `@eggjs/cluster`; `startCluster` gives more.
 * @typeParam O the options of `startCluster`
 */
export interface Master<O> extends EventEmitter {
  readonly options: O;
  readonly isStarted: boolean;
  readonly closed: boolean;
  /** Resolves when agent and workers are ready; rejects when the start has failed. */
  ready(): Promise<void>;
  /** Calls back when agent and workers are ready, or with the error. */
  ready(callback: (error?: Error) => void): void;
  /** Stops workers, then the agent. The process of the caller stays. */
  close(): Promise<void>;
}

export type MasterClass<O> = new (options?: O) => Master<O>;

/** @param start as `startCluster`, called by each construction */
export function masterClass<O>(start: (options: O) => Promise<Started>): MasterClass<O> {
  return class Master extends EventEmitter {
    readonly options: O;
    readonly #started: Promise<Started>;
    isStarted = false;
    closed = false;

    constructor(options?: O) {
      super();
      this.options = options ?? ({} as O);
      this.#started = start(this.options);
      this.#started.then(
        () => (this.isStarted = true),
        () => undefined, // `ready` tells it
      );
    }

    ready(): Promise<void>;
    ready(callback: (error?: Error) => void): void;
    ready(callback?: (error?: Error) => void): Promise<void> | void {
      const ready = this.#started.then(() => undefined);
      if (!callback) return ready;
      void ready.then(() => callback(), callback);
    }

    async close(): Promise<void> {
      this.closed = true;
      const application = await this.#started.catch(() => undefined); // what has not started is stopped already
      await application?.stop();
    }
  };
}

/** The error class of `@eggjs/cluster` for an agent that fails, for `instanceof` in programs. This library does not throw it: see the state of the agent. */
export class ClusterAgentWorkerError extends Error {
  override readonly name = 'ClusterAgentWorkerError';

  constructor(
    readonly id: number,
    /** The process, or the thread with `worker_threads`. */
    readonly workerId: number,
    readonly status: string,
    error: Error,
  ) {
    super(`Got agent worker error: ${error.message}`, { cause: error });
  }
}

/** The error class of `@eggjs/cluster` for too few living processes, for `instanceof` in programs. This library goes on trying instead of throwing it. */
export class ClusterWorkerExceptionError extends Error {
  override readonly name = 'ClusterWorkerExceptionError';
  readonly count: { readonly agent: number; readonly worker: number };

  constructor(agent: number, worker: number) {
    super(`[master] ${agent} agent and ${worker} worker(s) alive, exit to avoid unknown state`);
    this.count = { agent, worker };
  }
}
