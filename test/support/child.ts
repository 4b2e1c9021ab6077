// Forks a fixture of test/fixtures and exchanges messages with the child. Children run the compiled files of dist.

import { fork, type ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { PATIENCE_MS } from './eventually';

const ROOT = join(__dirname, __dirname.includes('/dist/') ? '../../..' : '../..');

/** Anything that a fixture sends has a `type`. */
export interface ChildMessage {
  readonly type: string;
  readonly [field: string]: unknown;
}

export interface ExitStatus {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

interface Waiting {
  readonly matches: (message: ChildMessage) => boolean;
  readonly resolve: (message: ChildMessage) => void;
}

export class Child {
  readonly process: ChildProcess;
  /** Everything that the child has sent, oldest first. */
  readonly messages: ChildMessage[] = [];
  /** Resolves when the process is gone. */
  readonly exited: Promise<ExitStatus>;
  output = '';
  #waiting: Waiting[] = [];

  /** @param fixture file name in test/fixtures, without extension */
  constructor(fixture: string, env: Record<string, string | number | undefined> = {}, execArgv: string[] = []) {
    const set = Object.fromEntries(
      Object.entries(env).map(([name, value]) => [name, value === undefined ? undefined : String(value)]),
    );
    this.process = fork(join(ROOT, 'dist/test/fixtures', `${fixture}.js`), [], {
      env: { ...process.env, ...set },
      execArgv,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      serialization: 'advanced',
    });
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream?.on('data', (chunk: Buffer) => {
        this.output += chunk.toString();
      });
    }
    this.process.on('message', (message) => this.#onMessage(message as ChildMessage));
    this.exited = new Promise((resolve) => {
      this.process.once('exit', (code, signal) => resolve({ code, signal }));
    });
  }

  get pid(): number {
    return this.process.pid!;
  }

  get isAlive(): boolean {
    return this.process.exitCode === null && this.process.signalCode === null;
  }

  send(message: ChildMessage): void {
    this.process.send(message);
  }

  kill(signal: NodeJS.Signals): void {
    this.process.kill(signal);
  }

  /** The first message, past or future, that matches. */
  async message(what: string, matches: (message: ChildMessage) => boolean, limitMs = PATIENCE_MS): Promise<ChildMessage> {
    const known = this.messages.find(matches);
    if (known) return known;
    return this.#next(what, matches, limitMs);
  }

  /** Sends a request and resolves with the message whose `id` is the same. */
  async ask(request: ChildMessage): Promise<ChildMessage> {
    const id = `${request.type}-${Math.random()}`;
    const answer = this.#next(`answer to ${request.type}`, (message) => message.id === id);
    this.send({ ...request, id });
    return answer;
  }

  /** Kills a living process, and waits for the end. */
  async stop(): Promise<void> {
    if (this.isAlive) {
      this.kill('SIGKILL');
      this.kill('SIGCONT');
    }
    await this.exited;
  }

  #next(what: string, matches: (message: ChildMessage) => boolean, limitMs = PATIENCE_MS): Promise<ChildMessage> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`process ${this.pid}: no message within ${limitMs} ms: ${what}\n${this.output}`));
      }, limitMs);
      this.#waiting.push({
        matches,
        resolve: (message) => {
          clearTimeout(timer);
          resolve(message);
        },
      });
      void this.exited.then(({ code, signal }) => {
        clearTimeout(timer);
        reject(new Error(`process ${this.pid} ended (${code ?? signal}) before: ${what}\n${this.output}`));
      });
    });
  }

  #onMessage(message: ChildMessage): void {
    this.messages.push(message);
    const still: Waiting[] = [];
    for (const waiting of this.#waiting) {
      if (waiting.matches(message)) waiting.resolve(message);
      else still.push(waiting);
    }
    this.#waiting = still;
  }
}
