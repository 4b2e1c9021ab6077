// A real etcd for tests: started on free ports in a temporary folder, gone afterwards.

import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describeWhere } from './describe-where';
import { eventually } from './eventually';
import { freePort } from './ports';

export class Etcd {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #folder: string;
  readonly #exited: Promise<unknown>;
  #output = '';

  private constructor(clientPort: number, peerPort: number) {
    this.url = `http://127.0.0.1:${clientPort}`;
    this.#folder = mkdtempSync(join(tmpdir(), 'trunkline-etcd-'));
    const peerUrl = `http://127.0.0.1:${peerPort}`;
    this.#child = spawn(
      'etcd',
      [
        ...['--data-dir', this.#folder],
        ...['--listen-client-urls', this.url, '--advertise-client-urls', this.url],
        ...['--listen-peer-urls', peerUrl, '--initial-advertise-peer-urls', peerUrl],
        ...['--initial-cluster', `default=${peerUrl}`],
      ],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    this.#exited = once(this.#child, 'exit');
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        this.#output += text;
      });
    }
  }

  /** Resolves when the server reports to be healthy. */
  static async start(): Promise<Etcd> {
    const etcd = new Etcd(await freePort(), await freePort());
    try {
      await eventually('etcd is healthy', () => etcd.#isHealthy());
    } catch (error) {
      await etcd.stop();
      throw new Error(`etcd does not start:\n${etcd.#output}`, { cause: error });
    }
    return etcd;
  }

  async stop(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
    rmSync(this.#folder, { recursive: true, force: true });
  }

  async #isHealthy(): Promise<boolean> {
    if (this.#child.exitCode !== null) throw new Error(`etcd ended with code ${this.#child.exitCode}`);
    try {
      const response = await fetch(`${this.url}/health`, { headers: { connection: 'close' } });
      return ((await response.json()) as { health?: string }).health === 'true';
    } catch {
      return false; // not listening yet
    }
  }
}

export function describeWithEtcd(name: string, tests: () => void): void {
  const isThere = spawnSync('etcd', ['--version']).status === 0;
  describeWhere(isThere ? undefined : 'the program etcd is not installed (Debian package etcd-server)', name, tests);
}
