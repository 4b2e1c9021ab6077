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
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #exited: Promise<unknown>;
  #output = '';

  private constructor({ name, command, args }: ServerProgram) {
    this.#folder = mkdtempSync(join(tmpdir(), `trunkline-${name.toLowerCase()}-`));
    this.#child = spawn(command, args(this.#folder), { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#exited = once(this.#child, 'exit');
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
      });
    }
  }

  /** Resolves when the server answers. */
  static async start(program: ServerProgram): Promise<RunningServer> {
    const server = new RunningServer(program);
    try {
      await eventually(`${program.name} answers`, () => {
        const { exitCode } = server.#child;
        if (exitCode !== null) throw new Error(`${program.name} ended with code ${exitCode}`);
        return program.answers();
      });
    } catch (error) {
      await server.stop();
      throw new Error(`${program.name} does not start:\n${server.#output}`, { cause: error });
    }
    return server;
  }

  /** Sends a signal, such as SIGSTOP, after which the server does not answer, and SIGCONT. */
  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
    rmSync(this.#folder, { recursive: true, force: true });
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
