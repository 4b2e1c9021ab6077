// A forked process of the demo: messages in both directions, and an end that leaves nothing behind. A program ends when the IPC
// channel is closed, and therefore no program outlives the demo.

import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** A program that does not end within this time is killed. */
const STOP_LIMIT_MS = 3_000;

export class Program<Order extends object, Report> {
  readonly #child: ChildProcess;
  readonly #exited: Promise<unknown>;
  #complaints = '';

  /** @param events.onExit gets how the program ended, as the end of a sentence */
  constructor(
    file: string,
    options: { args: string[]; env?: NodeJS.ProcessEnv },
    events: { onReport: (report: Report) => void; onExit: (how: string) => void },
  ) {
    this.#child = fork(file, options.args, {
      env: { ...process.env, ...options.env },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      detached: true, // Ctrl-C is for the demo, which then ends all processes in order
    });
    this.#child.stderr?.setEncoding('utf8').on('data', (text: string) => (this.#complaints += text));
    this.#child.on('message', (report) => events.onReport(report as Report));
    this.#exited = once(this.#child, 'exit');
    // Not `exit`, which may come before the last complaints. After `stop()` there is no `close`, and nobody asks.
    this.#child.once('close', (code: number | null, signal: string | null) => {
      events.onExit(`ended with ${signal ?? `code ${code}`}${this.#complaints && `:\n${this.#complaints.trim()}`}`);
    });
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  send(order: Order): void {
    if (this.#child.connected) this.#child.send(order);
  }

  kill(): void {
    this.#child.kill('SIGKILL');
  }

  /** Asks the program to end, and resolves after the end. */
  async stop(): Promise<void> {
    if (this.#child.connected) this.#child.disconnect();
    const limit = setTimeout(() => this.kill(), STOP_LIMIT_MS);
    await this.#exited;
    clearTimeout(limit);
  }
}
