// A real ZooKeeper for tests: started on a free port in a temporary folder, gone afterwards.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from './eventually';
import { freePort } from './ports';

/** Where Debian's package zookeeper keeps its code. */
const JARS = '/usr/share/java';

/** Why no ZooKeeper can be started here; undefined when one can. */
export const zookeeperMissing =
  existsSync(JARS) && readdirSync(JARS).some((name) => name.startsWith('zookeeper-3'))
    ? undefined
    : 'ZooKeeper is not installed (Debian package zookeeper)';

export class ZooKeeperServer {
  readonly address: string;
  readonly #port: number;
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #exited: Promise<unknown>;
  #output = '';

  private constructor(port: number) {
    this.#port = port;
    this.address = `127.0.0.1:${port}`;
    this.#folder = mkdtempSync(join(tmpdir(), 'trunkline-zookeeper-'));
    const settings = {
      // The unit of session timeouts, ms: a session of a dead client is over after two to twenty of these.
      tickTime: 200,
      dataDir: this.#folder,
      clientPort: port,
      clientPortAddress: '127.0.0.1',
      'admin.enableServer': false,
    };
    const file = join(this.#folder, 'zoo.cfg');
    writeFileSync(
      file,
      Object.entries(settings)
        .map((entry) => `${entry.join('=')}\n`)
        .join(''),
    );
    const classPath = readdirSync(JARS)
      .filter((name) => name.endsWith('.jar'))
      .map((name) => join(JARS, name));
    const main = 'org.apache.zookeeper.server.quorum.QuorumPeerMain';
    this.#child = spawn('java', ['-Xmx64m', '-cp', classPath.join(':'), main, file], { stdio: ['ignore', 'pipe', 'pipe'] });
    this.#exited = once(this.#child, 'exit');
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => (this.#output += text));
    }
  }

  /** Resolves when the server takes connections. */
  static async start(): Promise<ZooKeeperServer> {
    const server = new ZooKeeperServer(await freePort());
    try {
      await eventually('ZooKeeper takes connections', () => server.#answers());
    } catch (error) {
      await server.stop();
      throw new Error(`ZooKeeper does not start:\n${server.#output}`, { cause: error });
    }
    return server;
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #answers(): Promise<boolean> {
    if (this.#child.exitCode !== null) throw new Error(`ZooKeeper ended with code ${this.#child.exitCode}`);
    const socket = net.connect({ host: '127.0.0.1', port: this.#port });
    try {
      await once(socket, 'connect');
      return true;
    } catch {
      return false; // not listening yet
    } finally {
      socket.destroy();
    }
  }
}
