// A real Redis for tests: started on a free port in a temporary folder, gone afterwards.

import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeWhere } from './describe-where';
import { eventually } from './eventually';
import { freePort } from './ports';

export class RedisServer {
  readonly url: string;
  readonly #port: number;
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #exited: Promise<unknown>;
  #output = '';

  private constructor(port: number) {
    this.url = `redis://127.0.0.1:${port}`;
    this.#port = port;
    this.#folder = mkdtempSync(join(tmpdir(), 'trunkline-redis-'));
    this.#child = spawn(
      'redis-server',
      [...['--port', String(port), '--bind', '127.0.0.1'], ...['--dir', this.#folder, '--save', '', '--appendonly', 'no']],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    this.#exited = once(this.#child, 'exit');
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
      });
    }
  }

  /**
   * Resolves when the server answers.
   * @param port the port of a server that is gone; default: a free port
   */
  static async start(port?: number): Promise<RedisServer> {
    const redis = new RedisServer(port ?? (await freePort()));
    try {
      await eventually('redis answers', () => redis.#answers());
    } catch (error) {
      await redis.stop();
      throw new Error(`redis does not start:\n${redis.#output}`, { cause: error });
    }
    return redis;
  }

  get port(): number {
    return this.#port;
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #answers(): Promise<boolean> {
    if (this.#child.exitCode !== null) throw new Error(`redis ended with code ${this.#child.exitCode}`);
    const socket = net.connect({ host: '127.0.0.1', port: this.#port });
    try {
      await once(socket, 'connect');
      socket.write('PING\r\n');
      const [answer] = (await once(socket, 'data')) as [Buffer];
      return answer.toString() === '+PONG\r\n';
    } catch {
      return false; // not listening yet
    } finally {
      socket.destroy();
    }
  }
}

export function describeWithRedis(name: string, tests: () => void): void {
  const isThere = spawnSync('redis-server', ['--version']).status === 0;
  describeWhere(isThere ? undefined : 'the program redis-server is not installed (Debian package redis-server)', name, tests);
}
