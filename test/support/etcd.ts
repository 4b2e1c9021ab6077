// A real etcd for tests, on free ports.

import { spawnSync } from 'node:child_process';
import { describeWhere } from './describe-where';
import { freePort } from './ports';
import { RunningServer } from './server-program';

export class Etcd {
  readonly url: string;
  readonly #server: RunningServer;

  private constructor(url: string, server: RunningServer) {
    this.url = url;
    this.#server = server;
  }

  /** Resolves when the server reports to be healthy. */
  static async start(): Promise<Etcd> {
    const url = `http://127.0.0.1:${await freePort()}`;
    const peerUrl = `http://127.0.0.1:${await freePort()}`;
    const server = await RunningServer.start({
      name: 'etcd',
      command: 'etcd',
      args: (folder) => [
        ...['--data-dir', folder],
        ...['--listen-client-urls', url, '--advertise-client-urls', url],
        ...['--listen-peer-urls', peerUrl, '--initial-advertise-peer-urls', peerUrl],
        ...['--initial-cluster', `default=${peerUrl}`],
      ],
      answers: () => isHealthy(url),
    });
    return new Etcd(url, server);
  }

  stop(): Promise<void> {
    return this.#server.stop();
  }
}

async function isHealthy(url: string): Promise<boolean> {
  try {
    const response = await fetch(`${url}/health`, { headers: { connection: 'close' } });
    return ((await response.json()) as { health?: string }).health === 'true';
  } catch {
    return false; // not listening yet
  }
}

export function describeWithEtcd(name: string, tests: () => void): void {
  const isThere = spawnSync('etcd', ['--version']).status === 0;
  describeWhere(isThere ? undefined : 'the program etcd is not installed (Debian package etcd-server)', name, tests);
}
