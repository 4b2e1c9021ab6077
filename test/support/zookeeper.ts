// A real ZooKeeper for tests, on a free port.

import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { freePort } from './ports';
import { answerAt, RunningServer } from './server-program';

/** Where Debian's package zookeeper keeps its code. */
const JARS = '/usr/share/java';

/** Why no ZooKeeper can be started here; undefined when one can. */
export const zookeeperMissing =
  existsSync(JARS) && readdirSync(JARS).some((name) => name.startsWith('zookeeper-3'))
    ? undefined
    : 'ZooKeeper is not installed (Debian package zookeeper)';

export class ZooKeeperServer {
  readonly port: number;
  readonly #server: RunningServer;

  private constructor(port: number, server: RunningServer) {
    this.port = port;
    this.#server = server;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Resolves when the server takes connections. */
  static async start(): Promise<ZooKeeperServer> {
    const port = await freePort();
    const server = await RunningServer.start({
      name: 'ZooKeeper',
      command: 'java',
      args: (folder) => argumentsFor(port, folder),
      answers: async () => (await answerAt(port)) !== undefined,
    });
    return new ZooKeeperServer(port, server);
  }

  /** The server dies with `kill -9`. */
  kill(): Promise<void> {
    return this.#server.kill();
  }

  /** Starts the server after `kill`, at the same address and with the same data. */
  startAgain(): Promise<void> {
    return this.#server.startAgain();
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }
}

function argumentsFor(port: number, folder: string): string[] {
  const settings = {
    // The unit of session timeouts, ms: a session of a dead client is over after two to twenty of these.
    tickTime: 200,
    dataDir: folder,
    clientPort: port,
    clientPortAddress: '127.0.0.1',
    'admin.enableServer': false,
  };
  const file = join(folder, 'zoo.cfg');
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`);
  writeFileSync(file, lines.join(''));
  const classPath = readdirSync(JARS)
    .filter((name) => name.endsWith('.jar'))
    .map((name) => join(JARS, name));
  return ['-Xmx64m', '-cp', classPath.join(':'), 'org.apache.zookeeper.server.quorum.QuorumPeerMain', file];
}
