// A real Redis for tests, on a free port.

import { spawnSync } from 'node:child_process';
import { describeWhere } from './describe-where';
import { freePort } from './ports';
import { answerAt, RunningServer } from './server-program';

export class RedisServer {
  readonly port: number;
  readonly url: string;
  readonly #server: RunningServer;

  private constructor(port: number, server: RunningServer) {
    this.port = port;
    this.url = `redis://127.0.0.1:${port}`;
    this.#server = server;
  }

  /**
   * Resolves when the server answers.
   * @param given the port of a server that is gone; default: a free port
   */
  static async start(given?: number): Promise<RedisServer> {
    const port = given ?? (await freePort());
    const server = await RunningServer.start({
      name: 'Redis',
      command: 'redis-server',
      args: (folder) => ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no'],
      answers: async () => (await answerAt(port, 'PING\r\n')) === '+PONG\r\n',
    });
    return new RedisServer(port, server);
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }
}

export function describeWithRedis(name: string, tests: () => void): void {
  const isThere = spawnSync('redis-server', ['--version']).status === 0;
  describeWhere(isThere ? undefined : 'the program redis-server is not installed (Debian package redis-server)', name, tests);
}
