// A real ZooKeeper for tests, on a free port, and another program that uses the server.

import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Session, type Answer, type NodeData } from '../../src/adapters/zookeeper/session';
import { isUnreachable } from '../../src/adapters/zookeeper/zookeeper-failure';
import {
  resolveZooKeeperOptions,
  type ResolvedZooKeeperOptions,
  type ZooKeeperOptions,
} from '../../src/adapters/zookeeper/zookeeper-options';
import { CODE } from '../../src/adapters/zookeeper/zookeeper-package';
import { describeWhere } from './describe-where';
import { freePort } from './ports';
import { answerAt, RunningServer } from './server-program';

/** Where Debian's package zookeeper keeps its code. */
const JARS = '/usr/share/java';

/** Why no ZooKeeper can be started here; undefined when one can. */
export const zookeeperMissing =
  existsSync(JARS) && readdirSync(JARS).some((name) => name.startsWith('zookeeper-3'))
    ? undefined
    : 'ZooKeeper is not installed (Debian package zookeeper)';

/** A `describe` for tests with a real ZooKeeper. */
export function describeWithZooKeeper(name: string, tests: () => void): void {
  describeWhere(zookeeperMissing, name, tests);
}

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

  /** Starts the server after `kill`, at the same address and with the same data, or without. */
  startAgain({ withData = true } = {}): Promise<void> {
    if (!withData) rmSync(join(this.#server.folder, 'version-2'), { recursive: true });
    return this.#server.startAgain();
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }
}

/**
 * Another program with a session of its own, which asks again after a cut. Not the package alone: closed while it connects, the
 * package takes the server's greeting for an answer, and throws.
 */
export class ZooKeeperUser {
  readonly #options: ResolvedZooKeeperOptions;
  #session!: Session;
  #connected = Promise.resolve();

  private constructor(address: string, own: Partial<ZooKeeperOptions>) {
    this.#options = resolveZooKeeperOptions({ connectString: address, timeToLiveMs: 60_000, ...own });
  }

  static async connect(address: string, own: Partial<ZooKeeperOptions> = {}): Promise<ZooKeeperUser> {
    const user = new ZooKeeperUser(address, own);
    user.#open();
    await user.#connected;
    return user;
  }

  get session(): Session {
    return this.#session;
  }

  #open(): void {
    let arrive: (() => void) | undefined;
    const leave = (): void => {
      // Who waits already goes on waiting for the same promise.
      if (!arrive) this.#connected = new Promise((resolve) => (arrive = resolve));
    };
    leave();
    this.#session = new Session(this.#options, undefined, {
      connected: () => {
        arrive?.();
        arrive = undefined;
      },
      lost: leave,
      over: () => {
        const waiting = arrive;
        this.#open();
        if (waiting) void this.#connected.then(waiting);
      },
      changed: () => undefined,
    });
    this.#session.start();
  }

  /** Writes a node, and makes the nodes above without data. */
  async write(path: string, value: string | Uint8Array): Promise<void> {
    const bytes = Buffer.from(value);
    const { code } = await this.ask(() => this.session.setData(path, bytes, -1));
    if (code === CODE.noNode) await this.create(path, bytes);
  }

  /** @param isOwned whether the node goes with this session */
  async create(path: string, bytes: Buffer | undefined, isOwned = false): Promise<void> {
    const { code } = await this.ask(() => this.session.create(path, bytes, isOwned));
    if (code !== CODE.noNode) return;
    await this.create(path.slice(0, path.lastIndexOf('/')), undefined);
    await this.create(path, bytes, isOwned);
  }

  async remove(path: string): Promise<void> {
    await this.ask(() => this.session.remove(path, -1));
  }

  async data(path: string): Promise<NodeData | undefined> {
    return (await this.ask(() => this.session.data(path, false))).value;
  }

  /** The paths of all nodes below a node that have data. */
  async paths(above: string): Promise<string[]> {
    const { value: names = [] } = await this.ask(() => this.session.children(above, false));
    const found = await Promise.all(
      names.map(async (name) => {
        const path = `${above}/${name}`;
        const data = await this.data(path);
        return [...(data?.bytes ? [path] : []), ...(await this.paths(path))];
      }),
    );
    return found.flat();
  }

  /** @throws Error for codes other than those of nodes that exist or do not exist */
  async ask<T>(run: () => Promise<Answer<T>>): Promise<Answer<T>> {
    for (;;) {
      await this.#connected;
      try {
        const answer = await run();
        if (answer.code === CODE.ok || answer.code === CODE.noNode || answer.code === CODE.nodeExists) return answer;
        throw new Error(`ZooKeeper answers ${answer.code}`);
      } catch (error) {
        if (!isUnreachable(error)) throw error;
      }
    }
  }

  close(): Promise<void> {
    return this.session.close();
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
  // Quotas, where a test sets any, are refusals and no warnings.
  return [
    '-Xmx64m',
    '-Dzookeeper.enforceQuota=true',
    '-cp',
    classPath.join(':'),
    'org.apache.zookeeper.server.quorum.QuorumPeerMain',
    file,
  ];
}
