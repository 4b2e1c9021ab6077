// A process that a test or a driver has forked: output, end, and signals.

import { fork, type ChildProcess, type ForkOptions } from 'node:child_process';

export interface ExitStatus {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export class ForkedProcess {
  readonly child: ChildProcess;
  /** Resolves when the process is gone. */
  readonly exited: Promise<ExitStatus>;
  #output = '';

  /** @param outputCharacters how much of the newest output is kept, if the output is piped */
  constructor(program: string, args: readonly string[], options: ForkOptions, outputCharacters = Infinity) {
    this.child = fork(program, args, options);
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.#output += chunk.toString();
        if (this.#output.length > outputCharacters) this.#output = this.#output.slice(-outputCharacters);
      });
    }
    this.exited = new Promise((resolve) => {
      this.child.once('exit', (code, signal) => {
        resolve({ code, signal });
      });
    });
  }

  get pid(): number {
    return this.child.pid ?? 0;
  }

  /** What the process has written to both streams. */
  get output(): string {
    return this.#output;
  }

  get isAlive(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Kills a living process, which may be stopped, and waits for the end. */
  async stop(): Promise<void> {
    if (this.isAlive) {
      this.kill('SIGKILL');
      this.kill('SIGCONT');
    }
    await this.exited;
  }
}
