// A server program for tests, such as a real Redis: started in a temporary folder, which is gone with the server.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from './eventually';

export interface ServerProgram {
  /** What messages call the server. */
  readonly name: string;
  readonly command: string;
  readonly args: (folder: string) => readonly string[];
  /** Whether the server answers; called again until it does. */
  readonly answers: () => Promise<boolean>;
}

export class RunningServer {
  /** The folder that the server was given. */
  readonly folder: string;
  readonly #program: ServerProgram;
  #child: ChildProcess | undefined;
  #exited: Promise<unknown> = Promise.resolve();
  #output = '';

  private constructor(program: ServerProgram) {
    this.#program = program;
    this.folder = mkdtempSync(join(tmpdir(), `trunkline-${program.name.toLowerCase()}-`));
  }

  /** The process number; 0 while no process runs. */
  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** Resolves when the server answers. */
  static async start(program: ServerProgram): Promise<RunningServer> {
    const server = new RunningServer(program);
    try {
      await server.startAgain();
    } catch (error) {
      await server.stop();
      throw error;
    }
    return server;
  }

  /** Sends a signal, such as SIGSTOP, after which the server does not answer, and SIGCONT. */
  signal(name: NodeJS.Signals): void {
    this.#child?.kill(name);
  }

  /** The server dies with `kill -9`. Its folder stays. Idempotent. */
  async kill(): Promise<void> {
    this.#child?.kill('SIGKILL');
    await this.#exited;
  }

  /** Starts the server after `kill`, in the same folder and with the same arguments. Resolves when the server answers. */
  async startAgain(): Promise<void> {
    const { name, command, args, answers } = this.#program;
    await this.kill();
    const child = spawn(command, args(this.folder), { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#child = child;
    this.#exited = once(child, 'exit');
    this.#output = '';
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
      });
    }
    try {
      await eventually(`${name} answers`, () => {
        if (child.exitCode !== null) throw new Error(`${name} ended with code ${child.exitCode}`);
        return answers();
      });
    } catch (cause) {
      throw new Error(`${name} does not start:\n${this.#output}`, { cause });
    }
  }

  async stop(): Promise<void> {
    await this.kill();
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** Connects and says something. @returns what comes back first, or an empty text when nothing was said; undefined: nobody listens yet */
export async function answerAt(port: number, saying = ''): Promise<string | undefined> {
  const socket = net.connect({ host: '127.0.0.1', port });
  try {
    await once(socket, 'connect');
    if (saying === '') return '';
    socket.write(saying);
    const [answer] = (await once(socket, 'data')) as [Buffer];
    return answer.toString();
  } catch {
    return undefined;
  } finally {
    socket.destroy();
  }
}
