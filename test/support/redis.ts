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
   * @param settings as on the command line of redis-server; the last one of a name counts
   */
  static async start(given?: number, settings: readonly string[] = []): Promise<RedisServer> {
    const port = given ?? (await freePort());
    const server = await RunningServer.start({
      name: 'Redis',
      command: 'redis-server',
      args: (folder) => [
        ...['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--appendonly', 'no'],
        ...settings,
      ],
      // A server that asks for a password answers, too.
      answers: async () => /^(\+PONG|-NOAUTH|-NOPERM)/.test((await answerAt(port, 'PING\r\n')) ?? ''),
    });
    return new RedisServer(port, server);
  }

  /** The process number of the server. */
  get pid(): number {
    return this.#server.pid;
  }

  /** The server dies with `kill -9`. */
  kill(): Promise<void> {
    return this.#server.kill();
  }

  /** Starts the server after `kill`, at the same port; its data has stayed if the setting `appendonly` is `yes`. */
  startAgain(): Promise<void> {
    return this.#server.startAgain();
  }

  /** Sends a signal, such as SIGSTOP, after which the server does not answer, and SIGCONT. */
  signal(name: NodeJS.Signals): void {
    this.#server.signal(name);
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }
}

export function describeWithRedis(name: string, tests: () => void): void {
  const isThere = spawnSync('redis-server', ['--version']).status === 0;
  describeWhere(isThere ? undefined : 'the program redis-server is not installed (Debian package redis-server)', name, tests);
}
