// A running etcd, which cannot be asked for connections; but the metrics say how many watch streams are open, and each client
// that watches has exactly one stream. Streams of strangers are subtracted.

import type { Changes } from './changes';
import type { ConfigServer } from './config-server';
import { Failure } from './failure';

/** etcd does not say when the number changes: the demo asks this often. */
const ASK_EVERY_MS = 50;
const ANSWER_LIMIT_MS = 2_000;
const WATCH_STREAMS = /^etcd_debugging_mvcc_watch_stream_total (\d+)/m;

export class RunningEtcd implements ConfigServer {
  readonly name = 'etcd';
  readonly unit = 'watch streams';
  readonly countedBy = 'etcd, one per client';
  readonly url: string;
  readonly #changes: Changes;
  #connections: number | undefined;
  #ofStrangers = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(url: string, changes: Changes) {
    this.url = url;
    this.#changes = changes;
  }

  get connections(): number | undefined {
    return this.#connections;
  }

  async start(): Promise<void> {
    if (!/^https?:\/\//.test(this.url)) throw new Failure(`ETCD_URL must look like http://127.0.0.1:2379, but is ${this.url}`);
    try {
      const ofStrangers = await this.#watchStreams();
      if (ofStrangers === undefined) return; // the metrics are hidden: connections stay unknown
      this.#ofStrangers = ofStrangers;
      this.#connections = 0;
    } catch (error) {
      const { cause, message } = error as Error;
      const reason = cause instanceof Error ? cause.message : message;
      throw new Failure(`etcd at ${this.url} does not answer (${reason}); start it, or leave ETCD_URL unset`);
    }
    this.#askLater();
  }

  stop(): Promise<void> {
    clearTimeout(this.#timer);
    return Promise.resolve();
  }

  #askLater(): void {
    this.#timer = setTimeout(() => void this.#count(), ASK_EVERY_MS).unref();
  }

  async #count(): Promise<void> {
    const before = this.#connections;
    try {
      const streams = await this.#watchStreams();
      this.#connections = streams === undefined ? undefined : streams - this.#ofStrangers;
    } catch {
      this.#connections = undefined; // shown as unknown
    }
    if (this.#connections !== before) this.#changes.notify();
    this.#askLater();
  }

  async #watchStreams(): Promise<number | undefined> {
    const response = await fetch(new URL('/metrics', this.url), { signal: AbortSignal.timeout(ANSWER_LIMIT_MS) });
    const found = WATCH_STREAMS.exec(await response.text());
    return found ? Number(found[1]) : undefined;
  }
}
