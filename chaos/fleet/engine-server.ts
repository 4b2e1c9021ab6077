// The server of the engine, with what can happen to a server: SIGSTOP, `kill -9`, a restart with the data or without any.

import { Etcd } from '../../test/support/etcd';
import { RedisServer } from '../../test/support/redis';
import type { Recorder } from '../history';
import type { EngineName } from './plan';

interface Program {
  readonly port: number;
  pause(): void;
  resume(): void;
  kill(): Promise<void>;
  startAgain(): Promise<void>;
  stop(): Promise<void>;
  /** Forgets the history of all values; undefined where a server keeps no history. */
  readonly compact: (() => Promise<void>) | undefined;
}

export class EngineServer {
  readonly #program: Program;
  readonly #record: Recorder;
  #state: 'up' | 'paused' | 'down' = 'up';
  #timer: NodeJS.Timeout | undefined;
  #restarting: Promise<void> = Promise.resolve();
  #isOver = false;

  private constructor(program: Program, record: Recorder) {
    this.#program = program;
    this.#record = record;
  }

  /** @param isForgetful whether the data is lost in each restart */
  static async start(engine: EngineName, isForgetful: boolean, record: Recorder): Promise<EngineServer> {
    return new EngineServer(await (engine === 'etcd' ? startEtcd(isForgetful) : startRedis(isForgetful)), record);
  }

  get port(): number {
    return this.#program.port;
  }

  get isUp(): boolean {
    return this.#state === 'up';
  }

  get compacts(): boolean {
    return this.#program.compact !== undefined;
  }

  pause(ms: number): void {
    this.#state = 'paused';
    this.#program.pause();
    this.#timer = setTimeout(() => this.resume(), ms);
  }

  resume(): void {
    if (this.#state !== 'paused') return;
    clearTimeout(this.#timer);
    this.#program.resume();
    this.#up();
  }

  restart(downMs: number): void {
    this.#state = 'down';
    this.#restarting = this.#startAgain(downMs);
  }

  compact(): void {
    void this.#program.compact?.().catch(() => undefined); // the server is down: then nothing is compacted
  }

  async close(): Promise<void> {
    this.#isOver = true;
    clearTimeout(this.#timer);
    this.resume();
    await this.#restarting;
    await this.#program.stop();
  }

  async #startAgain(downMs: number): Promise<void> {
    await this.#program.kill();
    await new Promise((resolve) => setTimeout(resolve, downMs));
    if (this.#isOver) return;
    await this.#program.startAgain();
    this.#up();
  }

  #up(): void {
    this.#state = 'up';
    this.#record({ kind: 'engine-up' });
  }
}

async function startEtcd(isForgetful: boolean): Promise<Program> {
  const etcd = await Etcd.start();
  return {
    port: etcd.port,
    pause: () => etcd.pause(),
    resume: () => etcd.resume(),
    kill: () => etcd.kill(),
    startAgain: () => etcd.startAgain({ withData: !isForgetful }),
    stop: () => etcd.stop(),
    compact: async () => {
      const { header } = (await ask(etcd, 'kv/range', { key: Buffer.from('k').toString('base64') })) as {
        header: { revision: string };
      };
      await ask(etcd, 'kv/compaction', { revision: header.revision });
    },
  };
}

async function ask({ url }: Etcd, verb: string, question: object): Promise<unknown> {
  const response = await fetch(`${url}/v3/${verb}`, {
    method: 'POST',
    body: JSON.stringify(question),
    headers: { connection: 'close' },
    signal: AbortSignal.timeout(5_000),
  });
  return response.json();
}

async function startRedis(isForgetful: boolean): Promise<Program> {
  const settings = isForgetful ? [] : ['--appendonly', 'yes', '--appendfsync', 'always'];
  const redis = await RedisServer.start(undefined, settings);
  return {
    port: redis.port,
    pause: () => redis.signal('SIGSTOP'),
    resume: () => redis.signal('SIGCONT'),
    kill: () => redis.kill(),
    startAgain: () => redis.startAgain(),
    stop: () => redis.stop(),
    compact: undefined,
  };
}
