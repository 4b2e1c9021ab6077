// Forks a fixture of test/fixtures and exchanges messages with the child. Children run the compiled files of dist.

import type { ChildProcess } from 'node:child_process';
import { join } from 'node:path';
import { ForkedProcess } from '../../src/testing/forked-process';
import { PATIENCE_MS } from './eventually';

const ROOT = join(__dirname, __dirname.includes('/dist/') ? '../../..' : '../..');

/** Anything that a fixture sends has a `type`. */
export interface ChildMessage {
  readonly type: string;
  readonly [field: string]: unknown;
}

interface Waiting {
  readonly matches: (message: ChildMessage) => boolean;
  readonly resolve: (message: ChildMessage) => void;
}

export class Child extends ForkedProcess {
  /** Everything that the child has sent, oldest first. */
  readonly messages: ChildMessage[] = [];
  #waiting: Waiting[] = [];

  /** @param fixture file name in test/fixtures, without extension */
  constructor(fixture: string, env: Record<string, string | number | undefined> = {}, execArgv: string[] = []) {
    const set = Object.fromEntries(
      Object.entries(env).map(([name, value]) => [name, value === undefined ? undefined : String(value)]),
    );
    super(join(ROOT, 'dist/test/fixtures', `${fixture}.js`), [], {
      env: { ...process.env, ...set },
      execArgv,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      serialization: 'advanced',
    });
    this.process.on('message', (message) => this.#onMessage(message as ChildMessage));
  }

  get process(): ChildProcess {
    return this.child;
  }

  send(message: ChildMessage): void {
    this.process.send(message);
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
