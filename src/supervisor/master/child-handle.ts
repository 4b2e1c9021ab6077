// The master's view of one child process: started, ready, gone. What runs inside is child-runtime.ts.

import { fork, type ChildProcess } from 'node:child_process';
import cluster from 'node:cluster';
import { isOurs, type ToChild, type ToMaster } from '../messages';

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
  /** What is known of its failure. */
  readonly reason: string | undefined;
}

/** The program that every child runs; it loads the user's. */
const CHILD_ENTRY = require.resolve('../child/entry');
/** A child is asked to be done a little before it would be killed: its own end is the better one. */
const MARGIN = 0.9;
/** The last words of a child may arrive after its end, but not later than this, ms. */
const LAST_WORDS_MS = 200;

export class ChildHandle {
  #process: ChildProcess | undefined;
  #reason: string | undefined;
  #readyAt: number | undefined;
  #wasTold = false;
  #onReady!: () => void;
  #onEnd!: (end: Pick<ChildEnd, 'code' | 'signal'>) => void;
  readonly #onTerminated: () => void;

  /** Resolves when the child has said that it is ready; never, if it does not. */
  readonly ready: Promise<void>;
  readonly ended: Promise<ChildEnd>;

  /**
   * Starts the process. That it cannot be started is an end like any other.
   * @param onTerminated the child got SIGTERM from somebody else
   */
  constructor(spec: ChildSpec, onTerminated: () => void) {
    this.#onTerminated = onTerminated;
    this.ready = new Promise((resolve) => {
      this.#onReady = resolve;
    });
    this.ended = new Promise((resolve) => {
      this.#onEnd = ({ code, signal }) => {
        const readyForMs = this.#readyAt === undefined ? undefined : performance.now() - this.#readyAt;
        resolve({ code, signal, readyForMs, reason: this.#reason });
      };
    });
    try {
      this.#process = spec.kind === 'worker' ? this.#forkWorker(spec) : fork(CHILD_ENTRY, argumentsOf(spec), { env: spec.env });
      this.#listen(this.#process);
    } catch (error) {
      this.#failed(error as Error);
    }
  }

  get pid(): number | undefined {
    return this.#process?.pid;
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
    if (this.#process?.connected) this.#send({ trunkline: 'stop', withinMs: withinMs * MARGIN, gently });
    else this.#process?.kill('SIGTERM');
  }

  /** Ends the child now; works for a stopped one too. @param reason why, for its end */
  kill(reason?: string): void {
    this.#reason ??= reason;
    this.#process?.kill('SIGKILL');
  }

  /** Workers share listening sockets through node:cluster; the agent is an ordinary child. */
  #forkWorker(spec: ChildSpec): ChildProcess {
    cluster.setupPrimary({ exec: CHILD_ENTRY, args: argumentsOf(spec) });
    const worker = cluster.fork(spec.env);
    worker.once('listening', () => this.#becomeReady());
    worker.on('error', () => undefined); // told by the process too
    return worker.process;
  }

  #listen(child: ChildProcess): void {
    child.on('message', (message) => {
      if (isOurs(message)) this.#onMessage(message as ToMaster);
    });
    child.on('error', (error) => this.#failed(error));
    child.once('exit', (code, signal) => {
      const end = (): void => this.#onEnd({ code, signal });
      if (!child.connected) {
        end();
        return;
      }
      const limit = setTimeout(end, LAST_WORDS_MS);
      child.once('disconnect', () => {
        clearTimeout(limit);
        end();
      });
    });
  }

  /** A message to a child that is just gone is no matter; without a process there will be no `exit`. */
  #failed(error: Error): void {
    this.#reason ??= error.message;
    if (this.#process?.pid === undefined) this.#onEnd({ code: null, signal: null });
  }

  #onMessage(message: ToMaster): void {
    switch (message.trunkline) {
      case 'ready':
        this.#becomeReady();
        return;
      case 'failed':
        this.#reason = message.reason;
        return;
      case 'terminated':
        this.#onTerminated();
        return;
      case 'leaving':
        this.#send({ trunkline: 'farewell' });
    }
  }

  #send(message: ToChild): void {
    if (this.#process?.connected) this.#process.send(message, () => undefined);
  }

  #becomeReady(): void {
    this.#readyAt ??= performance.now();
    this.#onReady();
  }
}

/** The child learns who its master is, to notice when that one is gone. */
function argumentsOf({ file }: ChildSpec): string[] {
  return [file, String(process.pid)];
}
