// A real ZooKeeper for tests, on a free port, and another program that uses the server.

import { once } from 'node:events';
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  CODE,
  zooKeeperPackage,
  type Callback,
  type PackageClient,
  type PackageError,
} from '../../src/adapters/zookeeper/zookeeper-package';
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

/** Another program with a session of its own, which asks again after a cut. */
export class ZooKeeperUser {
  readonly client: PackageClient;

  private constructor(client: PackageClient) {
    this.client = client;
  }

  /** @param credential `user:password` */
  static async connect(address: string, credential?: string): Promise<ZooKeeperUser> {
    const client = zooKeeperPackage().createClient(address, { sessionTimeout: 4_000, retries: 0 });
    if (credential !== undefined) client.addAuthInfo('digest', Buffer.from(credential));
    client.connect();
    await once(client, 'connected');
    return new ZooKeeperUser(client);
  }

  /** Writes a node, and makes the nodes above without data. */
  async write(path: string, value: string | Uint8Array): Promise<void> {
    const bytes = Buffer.from(value);
    const { code } = await this.ask<[unknown]>((answer) => this.client.setData(path, bytes, -1, answer));
    if (code === CODE.noNode) await this.create(path, bytes);
  }

  async create(path: string, bytes: Buffer | undefined, acl = zooKeeperPackage().ACL.OPEN_ACL_UNSAFE, mode = 0): Promise<void> {
    const above = path.slice(0, path.lastIndexOf('/'));
    const { code } = await this.ask<[string]>((answer) => this.client.create(path, bytes, acl, mode, answer));
    if (code !== CODE.noNode) return;
    await this.create(above, undefined, acl);
    await this.create(path, bytes, acl, mode);
  }

  async remove(path: string): Promise<void> {
    await this.ask<[]>((answer) => this.client.remove(path, -1, answer));
  }

  /** The paths of all nodes below a node that have data. */
  async paths(above: string): Promise<string[]> {
    const { values } = await this.ask<[string[], unknown]>((answer) => this.client.getChildren(above, undefined, answer));
    const found = await Promise.all(
      (values?.[0] ?? []).map(async (name) => {
        const path = `${above}/${name}`;
        const data = await this.ask<[Buffer | undefined, unknown]>((answer) => this.client.getData(path, undefined, answer));
        return [...(data.values?.[0] ? [path] : []), ...(await this.paths(path))];
      }),
    );
    return found.flat();
  }

  /** @throws the error of the package for codes other than those of nodes that exist or do not exist */
  async ask<A extends unknown[]>(send: (answer: Callback<A>) => void): Promise<{ code: number; values?: A }> {
    for (;;) {
      const [error, values] = await new Promise<[PackageError | null | undefined, A]>((resolve) =>
        send((failure, ...answer) => resolve([failure, answer])),
      );
      if (!error) return { code: CODE.ok, values };
      if (error.code === CODE.noNode || error.code === CODE.nodeExists) return { code: error.code };
      if (error.code !== CODE.connectionLoss) throw error;
    }
  }

  close(): void {
    this.client.close();
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
