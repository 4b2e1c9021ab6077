// The upstream class of the members, which knows nothing of other processes. A lost connection leads to `close`, and the owner
// makes a new client.

import net from 'node:net';
import { setImmediate as turn, setTimeout as wait } from 'node:timers/promises';
import { Base } from 'sdk-base';
import {
  hear,
  makeRow,
  tell,
  type Answer,
  type Increment,
  type Question,
  type Row,
  type RowsWanted,
  type Value,
} from './messages';

export interface UpstreamClientOptions {
  readonly channel: string;
  readonly port: number;
  /** How long the client takes to start, and to close, ms. */
  readonly slowMs: number;
  /** The period of leadership of a fleet. */
  readonly epoch?: number;
}

export interface Registration {
  readonly key: string;
}

export interface Publication {
  readonly name: string;
}

export type ValueListener = (value: Value) => void;

interface Pending {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** A generator makes so many rows without waiting. */
const TURN_ROWS = 50;

/** The question was never asked. */
export const NOT_ASKED = 'CHAOS_NOT_ASKED';
/** The connection ended before the answer. */
export const NOT_ANSWERED = 'CHAOS_NOT_ANSWERED';

export class UpstreamClient extends Base {
  readonly #options: UpstreamClientOptions;
  readonly #listeners = new Map<string, Set<ValueListener>>();
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #socket: net.Socket | undefined;
  #isClosing = false;

  constructor(options: UpstreamClientOptions) {
    super({ initMethod: '_connect' } as never);
    this.#options = options;
  }

  async _connect(): Promise<void> {
    const { port, channel, slowMs, epoch } = this.#options;
    const socket = (this.#socket = net.connect({ host: '127.0.0.1', port, noDelay: true }));
    await new Promise<void>((resolve, reject) => {
      socket.once('error', reject);
      socket.once('close', () => {
        reject(new Error('the server has closed the connection'));
      });
      hear<Answer>(socket, (answer) => {
        if (answer.op === 'welcome') resolve();
        else this.#onAnswer(answer);
      });
      tell(socket, { op: 'hello', channel, pid: process.pid, epoch });
    });
    socket.on('error', () => undefined); // `close` follows
    socket.once('close', () => {
      this.#fail();
      if (!this.#isClosing) this.emit('close');
    });
    if (slowMs) await wait(slowMs);
  }

  subscribe({ key }: Registration, listener: ValueListener): void {
    this.#listeners.set(key, (this.#listeners.get(key) ?? new Set()).add(listener));
    this.#ask({ op: 'watch', key });
  }

  unSubscribe({ key }: Registration, listener?: ValueListener): void {
    if (listener) this.#listeners.get(key)?.delete(listener);
    if (listener && this.#listeners.get(key)?.size) return;
    this.#listeners.delete(key);
    this.#ask({ op: 'unwatch', key });
  }

  publish({ name }: Publication): void {
    this.#ask({ op: 'publish', name });
  }

  unPublish({ name }: Publication): void {
    this.#ask({ op: 'unpublish', name });
  }

  async get(key: string): Promise<{ key: string; version: number }> {
    return (await this.#answerTo((id) => ({ op: 'get', id, key }))) as { key: string; version: number };
  }

  async increment(increment: Increment): Promise<{ call: string }> {
    return (await this.#answerTo((id) => ({ op: 'increment', id, increment }))) as { call: string };
  }

  /** Like `increment`, and declared idempotent by the members. */
  async incrementAgain(increment: Increment): Promise<{ call: string }> {
    return this.increment(increment);
  }

  /** Rows that this process makes. The server hears of the beginning and of the end. */
  async *rows({ stream, count, bytes }: RowsWanted): AsyncGenerator<Row, number> {
    this.#ask({ op: 'generator', stream, isBegun: true });
    try {
      for (let n = 1; n <= count; n++) {
        if (n % TURN_ROWS === 0) await turn();
        yield makeRow(stream, n, bytes);
      }
      return count;
    } finally {
      this.#ask({ op: 'generator', stream, isBegun: false });
    }
  }

  override async close(): Promise<void> {
    this.#isClosing = true;
    if (this.#options.slowMs) await wait(this.#options.slowMs);
    this.#socket?.destroy();
    this.#listeners.clear();
    this.#fail();
    await super.close();
  }

  #onAnswer(answer: Answer): void {
    if (answer.op === 'value') for (const listener of this.#listeners.get(answer.value.key) ?? []) listener(answer.value);
    if (answer.op !== 'answer') return;
    this.#pending.get(answer.id)?.resolve(answer.answer);
    this.#pending.delete(answer.id);
  }

  #ask(question: Question): void {
    if (this.#socket) tell(this.#socket, question);
  }

  #answerTo(ask: (id: number) => Question): Promise<unknown> {
    if (!this.#socket?.writable) return Promise.reject(coded(NOT_ASKED, 'there is no connection to the server'));
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
      this.#ask(ask(id));
    });
  }

  #fail(): void {
    for (const { reject } of this.#pending.values()) reject(coded(NOT_ANSWERED, 'the connection to the server is lost'));
    this.#pending.clear();
  }
}

function coded(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
