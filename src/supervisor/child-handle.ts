// The master's view of one child process: started, ready, gone. What runs inside is child-runtime.ts.

import { fork, type ChildProcess } from 'node:child_process';
import cluster from 'node:cluster';
import { isOurs, type ToChild, type ToMaster } from './messages';

export interface ChildSpec {
  readonly kind: 'agent' | 'worker';
  /** The program of the user. */
  readonly file: string;
  /** The whole environment of the child. */
  readonly env: NodeJS.ProcessEnv;
}

export interface ChildEnd {
  readonly code: number | null;
  readonly signal: string | null;
  /** How long it had been ready, ms; undefined when it never was. */
  readonly readyForMs: number | undefined;
  /** What the child said of its failure, if it could. */
  readonly reason: string | undefined;
}

/** The program that every child runs; it loads the user's. */
export const CHILD_ENTRY = require.resolve('./child-entry');

export class ChildHandle {
  readonly #process: ChildProcess;
  #reason: string | undefined;
  #readyAt: number | undefined;
  #wasTold = false;
  #onReady!: () => void;

  /** Resolves when the child has said that it is ready; never, if it does not. */
  readonly ready: Promise<void>;
  readonly ended: Promise<ChildEnd>;

  /** Starts the process. Workers share listening sockets through node:cluster, the agent is an ordinary child. */
  constructor(spec: ChildSpec) {
    if (spec.kind === 'worker') {
      const worker = cluster.fork(spec.env);
      this.#process = worker.process;
      worker.once('listening', () => this.#becomeReady());
    } else {
      this.#process = fork(CHILD_ENTRY, [spec.file], { env: spec.env });
    }
    this.ready = new Promise((resolve) => {
      this.#onReady = resolve;
    });
    this.#process.on('message', (message) => {
      if (isOurs(message)) this.#onMessage(message as ToMaster);
    });
    // A child that cannot be started, or a message to one that is just gone; `exit` says the rest.
    this.#process.on('error', (error) => {
      this.#reason ??= error.message;
    });
    this.ended = new Promise((resolve) => {
      this.#process.once('exit', (code, signal) => {
        const readyForMs = this.#readyAt === undefined ? undefined : performance.now() - this.#readyAt;
        resolve({ code, signal, readyForMs, reason: this.#reason });
      });
    });
  }

  get pid(): number | undefined {
    return this.#process.pid;
  }

  get isReady(): boolean {
    return this.#readyAt !== undefined;
  }

  /** Whether it was asked to end. */
  get wasTold(): boolean {
    return this.#wasTold;
  }

  /** Asks the child to finish what it does and to end. */
  stop(withinMs: number, gently: boolean): void {
    this.#wasTold = true;
    const message: ToChild = { trunkline: 'stop', withinMs, gently };
    if (this.#process.connected) this.#process.send(message, () => undefined);
    else this.#process.kill('SIGTERM');
  }

  /** Ends the child now; works for a stopped one too. */
  kill(): void {
    this.#process.kill('SIGKILL');
  }

  #onMessage(message: ToMaster): void {
    if (message.trunkline === 'ready') this.#becomeReady();
    else this.#reason = message.reason;
  }

  #becomeReady(): void {
    this.#readyAt ??= performance.now();
    this.#onReady();
  }
}
