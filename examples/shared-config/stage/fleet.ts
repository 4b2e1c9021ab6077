// The workers of the demo: all workers, the workers that still run, and the leader.

import type { Changes } from './changes';
import { Failure } from './failure';
import { freePort } from './free-port';
import { WorkerHandle } from './worker-handle';

export class Fleet {
  readonly size: number;
  readonly #changes: Changes;
  #workers: WorkerHandle[] = [];

  constructor(changes: Changes, size: number) {
    this.#changes = changes;
    this.size = size;
  }

  get workers(): readonly WorkerHandle[] {
    return this.#workers;
  }

  get running(): WorkerHandle[] {
    return this.#workers.filter(({ isRunning }) => isRunning);
  }

  get leader(): WorkerHandle | undefined {
    return this.running.find(({ state }) => state === 'leader');
  }

  get followers(): WorkerHandle[] {
    return this.running.filter(({ state }) => state === 'follower');
  }

  /** Resolves when a worker leads and the others follow. */
  async start(serverUrl: string, key: string): Promise<void> {
    const port = await freePort();
    const options = { args: [serverUrl, key], env: { NODE_CLUSTER_CLIENT_PORT: String(port) } };
    this.#workers = Array.from({ length: this.size }, () => new WorkerHandle(this.#changes, options));
    this.#changes.notify();
    await this.#changes.until('the workers to start', () => this.running.every(({ state }) => state !== 'starting'));
    const leaders = this.size - this.followers.length;
    if (leaders !== 1) throw new Failure(`expected 1 leader, but ${leaders} workers lead`);
  }

  async stop(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.stop()));
  }
}
