// The processes of a measurement: the driver's side of worker.ts. A crew has a separate cluster port and dies with `disband`.

import { join } from 'node:path';
import { ForkedProcess } from '../src/testing/forked-process';
import { freePort } from '../test/support/ports';
import { RedisServer } from '../test/support/redis';
import type { Answer, Nothing, Order, OrderName } from './orders';
import { isRelayed, type Relayed } from './peers/ipc';
import type { PeerName, Role } from './peers/peer';

/** Longer than any order takes on a slow machine, ms. */
const PATIENCE_MS = 120_000;
/** Processes that are started at the same time. */
const STARTED_AT_ONCE = 8;

interface Pending {
  readonly resolve: (answer: never) => void;
  readonly reject: (error: Error) => void;
}

type WorkerMessage = { readonly id: number; readonly answer?: unknown; readonly error?: string };

export class WorkerHandle {
  readonly #forked: ForkedProcess;
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  /** Resolves when the process has loaded the peer. */
  readonly started: Promise<void>;

  /**
   * @param execPath the Node.js that runs the worker
   * @param relay gets what a worker says to the others, for the peer that has no other way
   */
  constructor(peer: PeerName, execPath: string, relay: (message: Relayed, from: WorkerHandle) => void) {
    this.#forked = new ForkedProcess(join(__dirname, 'worker.js'), [peer], {
      execPath,
      execArgv: ['--expose-gc'],
      // The peer `ipc` is measured with what Node.js does by default.
      serialization: peer === 'ipc' ? 'json' : 'advanced',
    });
    this.started = new Promise((resolve, reject) => {
      this.#pending.set(0, { resolve: resolve, reject });
    });
    this.#forked.child.on('message', (message) => {
      if (isRelayed(message)) relay(message, this);
      else this.#onMessage(message as WorkerMessage);
    });
    void this.#forked.exited.then(({ code, signal }) => {
      const error = new Error(`worker process ${this.pid} (${peer}) ended: ${signal ?? code}`);
      for (const { reject } of this.#pending.values()) reject(error);
      this.#pending.clear();
    });
  }

  get pid(): number {
    return this.#forked.pid;
  }

  /**
   * @throws Error when the worker fails, ends, or does not answer
   */
  async ask<K extends OrderName>(name: K, order: Order<K>): Promise<Answer<K>> {
    const id = ++this.#lastId;
    let timer: NodeJS.Timeout | undefined;
    try {
      return await new Promise<Answer<K>>((resolve, reject) => {
        this.#pending.set(id, { resolve, reject });
        timer = setTimeout(() => {
          reject(new Error(`worker process ${this.pid} has not answered to ${name} within ${PATIENCE_MS} ms`));
        }, PATIENCE_MS);
        this.#forked.child.send({ id, name, order }, (error) => {
          if (error) reject(error);
        });
      });
    } finally {
      clearTimeout(timer);
      this.#pending.delete(id);
    }
  }

  /** Passes on what another worker has said. */
  say(message: Relayed): void {
    if (this.#forked.child.connected) this.#forked.child.send(message);
  }

  /** Ends the process as a crash would. */
  async kill(): Promise<void> {
    await this.#forked.stop();
  }

  #onMessage({ id, answer, error }: WorkerMessage): void {
    const pending = this.#pending.get(id);
    this.#pending.delete(id);
    if (error === undefined) pending?.resolve(answer as never);
    else pending?.reject(new Error(error));
  }
}

export class Crew {
  /** The Node.js that runs the workers of every crew. */
  static execPath = process.execPath;

  readonly peer: PeerName;
  readonly port: number;
  #workers: WorkerHandle[] = [];

  private constructor(peer: PeerName, port: number) {
    this.peer = peer;
    this.port = port;
  }

  /** Runs `measure` with a crew, and ends every process of the crew afterwards. */
  static async during<T>(peer: PeerName, measure: (crew: Crew) => Promise<T>): Promise<T> {
    const server = peer === 'redis' ? await RedisServer.start() : undefined;
    const crew = new Crew(peer, server?.port ?? (await freePort()));
    try {
      return await measure(crew);
    } finally {
      await Promise.all(crew.#workers.map((worker) => worker.kill()));
      await server?.stop();
    }
  }

  /** Starts processes that have loaded the peer, but have not joined. */
  async start(count: number): Promise<WorkerHandle[]> {
    const started: WorkerHandle[] = [];
    while (started.length < count) {
      const batch = Array.from({ length: Math.min(STARTED_AT_ONCE, count - started.length) }, this.#newWorker);
      this.#workers.push(...batch);
      started.push(...batch);
      await Promise.all(batch.map((worker) => worker.started));
    }
    return started;
  }

  async join(worker: WorkerHandle, role: Role, entries = 1): Promise<{ readyAtMs: number }> {
    return worker.ask('join', { role, port: this.port, entries });
  }

  /** Starts a leader and followers; all of them are ready. */
  async assemble(followers: number, entries = 1): Promise<{ leader: WorkerHandle; followers: WorkerHandle[] }> {
    const [leader, ...rest] = (await this.start(1 + followers)) as [WorkerHandle, ...WorkerHandle[]];
    await this.join(leader, 'leader', entries);
    await Promise.all(rest.map((follower) => this.join(follower, 'follower', entries)));
    return { leader, followers: rest };
  }

  readonly #newWorker = (): WorkerHandle =>
    new WorkerHandle(this.peer, Crew.execPath, (message, from) => {
      for (const worker of this.#workers) if (worker !== from) worker.say(message);
    });

  async kill(worker: WorkerHandle): Promise<void> {
    this.#workers = this.#workers.filter((other) => other !== worker);
    await worker.kill();
  }
}

/** The CPU time, µs, that a worker spends while something is done. */
export async function cpuDuring<T>(worker: WorkerHandle, work: () => Promise<T>): Promise<{ result: T; cpuUs: number }> {
  const before = await worker.ask('cpu', NOTHING);
  const result = await work();
  const after = await worker.ask('cpu', NOTHING);
  return { result, cpuUs: after.cpuUs - before.cpuUs };
}

export const NOTHING: Nothing = {};
