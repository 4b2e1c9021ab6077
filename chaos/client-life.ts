// A shared client of a member, from `create()` to `close()`: subscriptions, calls, and the record of all that happens to the
// client.

import { setTimeout as wait } from 'node:timers/promises';
import cluster, { type ClientOptions, type Logger } from '../src/index';
import { clusterOptions, keysOf, MAX_WAIT_MS, RESPONSE_MS, type ChannelPlan } from './channels';
import type { Recorder } from './history';
import type { Random } from './random';
import { UpstreamClient, type UpstreamClientOptions, type ValueListener } from './upstream/client';
import { isRowOf, isWhole, type RowsWanted, type Value } from './upstream/messages';

/** What is shared, and how. */
export interface ClientKind {
  readonly upstreamClass: new (options: UpstreamClientOptions) => UpstreamClient;
  /** @param port where this process looks for the leader */
  readonly options: (plan: ChannelPlan, slot: number, port: number, logger: Logger) => ClientOptions;
  /** Streams are not carried everywhere. */
  readonly readsStreams: boolean;
  /** How long the options let a call wait for the client, ms. */
  readonly waitMs: number;
  /** How long the options let a call of a client that is ready last, ms. */
  readonly responseMs: number;
}

export const ON_ONE_HOST: ClientKind = {
  upstreamClass: UpstreamClient,
  options: clusterOptions,
  readsStreams: true,
  waitMs: MAX_WAIT_MS,
  responseMs: RESPONSE_MS,
};

export interface Surroundings {
  readonly kind: ClientKind;
  readonly slot: number;
  readonly port: number;
  readonly upstreamPort: number;
  readonly random: Random;
  readonly record: Recorder;
  readonly ranMs: () => number;
  /** A listener was called. */
  readonly onDelivery: () => void;
}

/** Beyond what the options promise: this machine has more to do, ms of running time. */
const MARGIN_MS = 2_500;
/** What the server may take over a call, in two parts, ms. */
const SLOW_MS = 500;
/** Rows of a stream, and bytes of a row: most streams outlast the credit of their reader. */
const ROWS = 5_000;
const ROW_BYTES = [1, 2_000] as const;
/** A slow reader waits after so many rows, so long, ms. */
const PAUSE_ROWS = 20;
const PAUSE_MS = [1, 10] as const;

interface Subscription {
  readonly id: string;
  readonly key: string;
  readonly listener: ValueListener;
}

export class ClientLife {
  readonly plan: ChannelPlan;
  readonly #around: Surroundings;
  readonly #client: ReturnType<ClientLife['create']>;
  readonly #facts: { readonly pid: number; readonly channel: string; readonly client: string };
  readonly #subscriptions: Subscription[] = [];
  readonly #publications: string[] = [];
  #lastNumber = 0;
  #role = '';
  #isClosing = false;
  #isClosed = false;

  /** @param id unique in this process */
  constructor(plan: ChannelPlan, id: string, around: Surroundings) {
    this.plan = plan;
    this.#around = around;
    this.#facts = { pid: process.pid, channel: plan.name, client: `${process.pid}-${id}` };
    around.record({ kind: 'created', ...this.#facts });
    this.#client = this.create();
    this.#client.on('error', (error: unknown) => {
      const { code, message } = describe(error);
      this.#hear('error', message, code);
    });
    for (const key of keysOf(plan)) if (around.random.chance(0.7)) this.#subscribe(key);
    if (this.#subscriptions.length === 0) this.#subscribe(keysOf(plan)[0]!);
    if (around.random.chance(0.5)) this.#publish();
  }

  get leads(): boolean {
    return this.#client.isClusterClientLeader;
  }

  /** Something that a user would do. */
  act(): void {
    if (this.#isClosing) return;
    const { random } = this.#around;
    const dice = random.next();
    if (dice < 0.62) this.call();
    else if (dice < 0.7) {
      if (this.#around.kind.readsStreams) void this.#read();
    } else if (dice < 0.77) this.#publish();
    else if (dice < 0.84) this.#waitUntilReady();
    else if (dice < 0.92) this.#subscribe(random.pick(keysOf(this.plan)));
    else if (this.#subscriptions.length > 1) this.#unsubscribe(random.whole(0, this.#subscriptions.length - 1));
  }

  call(): void {
    if (this.#isClosing) return;
    const { random } = this.#around;
    if (random.chance(0.2)) this.#get(random.pick(keysOf(this.plan)));
    else this.#increment(random.chance(0.25), random.chance(0.3), random.chance(0.5));
  }

  /** Writes down a change of role. */
  look(): void {
    if (this.#isClosing) return;
    const { isReady, readyError } = this.#client as unknown as { isReady: boolean; readyError?: Error };
    const role = { isReady: isReady && !readyError, isLeader: this.leads };
    const text = JSON.stringify(role);
    if (text === this.#role) return;
    this.#role = text;
    this.#around.record({ kind: 'role', ...this.#facts, ...role });
  }

  async close(): Promise<void> {
    this.#isClosing = true;
    this.#around.record({ kind: 'closing', ...this.#facts });
    await this.#client.close();
    this.#isClosed = true;
    this.#around.record({ kind: 'closed', ...this.#facts });
  }

  private create() {
    const { slot, port, upstreamPort, kind } = this.#around;
    const log = (message: string): void => this.#hear('log', message);
    const logger: Logger = { debug: log, info: log, warn: log, error: log };
    return cluster(kind.upstreamClass, kind.options(this.plan, slot, port, logger))
      .delegate('incrementAgain', 'invoke', { idempotent: true })
      .delegate('unPublish', 'invokeOneway')
      .create({ channel: this.plan.name, port: upstreamPort, slowMs: this.plan.upstreamMs });
  }

  #hear(kind: 'error' | 'log', message: string, code?: string): void {
    const { record } = this.#around;
    if (this.#isClosed) record({ kind: 'after-close', ...this.#facts, message: `${kind}: ${message}` });
    else record({ kind, ...this.#facts, message, code });
  }

  #subscribe(key: string): void {
    const { plan } = this;
    if (this.#subscriptions.filter((each) => each.key === key).length >= plan.listeners) return;
    const { record, onDelivery } = this.#around;
    const id = `${this.#facts.client}-${++this.#lastNumber}`;
    const listener = (value: Value): void => {
      if (this.#isClosed) record({ kind: 'after-close', ...this.#facts, message: `a value of ${key}` });
      record({
        kind: 'delivered',
        ...this.#facts,
        subscription: id,
        key,
        version: value.version,
        isWhole: value.key === key && isWhole(value),
        isLeader: this.leads,
      });
      if (plan.listenerMs) block(plan.listenerMs);
      onDelivery();
    };
    this.#subscriptions.push({ id, key, listener });
    record({ kind: 'subscribed', ...this.#facts, subscription: id, key });
    this.#client.subscribe({ key }, listener);
  }

  #unsubscribe(index: number): void {
    const [{ id, key, listener }] = this.#subscriptions.splice(index, 1) as [Subscription];
    this.#client.unSubscribe({ key }, listener);
    this.#around.record({ kind: 'unsubscribed', ...this.#facts, subscription: id, key });
  }

  #waitUntilReady(): void {
    // The call settles with the next role or the next setback; the checks wait for that until the next calm.
    const settle = this.#called('ready', undefined);
    this.#client.ready().then(
      () => settle(undefined),
      (error: unknown) => settle(error ?? 'nothing'),
    );
  }

  /** Adds or removes a publication. */
  #publish(): void {
    const { record, random } = this.#around;
    const name = this.#publications.length > 0 && random.chance(0.5) ? this.#publications.pop()! : undefined;
    if (name !== undefined) {
      record({ kind: 'unpublished', ...this.#facts, name });
      this.#client.unPublish({ name });
      return;
    }
    const next = `${this.#facts.client}-${++this.#lastNumber}`;
    this.#publications.push(next);
    record({ kind: 'published', ...this.#facts, name: next });
    this.#client.publish({ name: next });
  }

  #get(key: string): void {
    const settle = this.#called('get', this.#limitMs());
    this.#client.get(key).then(
      (answer) => settle(undefined, answer.key === key),
      (error: unknown) => settle(error ?? 'nothing'),
    );
  }

  #increment(isIdempotent: boolean, isSlow: boolean, withCallback: boolean): void {
    const method = isIdempotent ? 'incrementAgain' : 'increment';
    const { random } = this.#around;
    const call = this.#nextCall();
    // A call that is sent again may have to wait for several leaders.
    const settle = this.#called(method, isIdempotent ? undefined : this.#limitMs(), isIdempotent, call);
    const [beforeMs, afterMs] = isSlow ? [random.whole(0, SLOW_MS), random.whole(0, SLOW_MS)] : [0, 0];
    const increment = { call, isIdempotent, beforeMs, afterMs };
    const done = (answer: { call: string }): void => settle(undefined, answer.call === call);
    if (!withCallback) {
      this.#client[method](increment).then(done, (error: unknown) => settle(error ?? 'nothing'));
      return;
    }
    const withCallbacks = this.#client[method] as unknown as (
      increment: object,
      callback: (error: unknown, answer: { call: string }) => void,
    ) => void;
    withCallbacks.call(this.#client, increment, (error, answer) => {
      if (error) settle(error);
      else done(answer);
    });
  }

  /** Reads a stream: to its end, or leaves it before. */
  async #read(): Promise<void> {
    const { record, random } = this.#around;
    const stream = `${this.#facts.client}-stream-${++this.#lastNumber}`;
    const wanted: RowsWanted = { stream, count: random.whole(0, ROWS), bytes: random.size(...ROW_BYTES) };
    const leaveAt = random.chance(0.25) ? random.whole(1, ROWS / 5) : Infinity;
    const pauseMs = random.chance(0.5) ? random.whole(...PAUSE_MS) : 0;
    const facts = { ...this.#facts, stream };
    record({ kind: 'stream-began', ...facts, rows: wanted.count });
    let [from, last, isWhole] = [1, 0, true];
    const tellRows = (next: number): void => {
      if (last >= from) record({ kind: 'stream-rows', ...facts, from, to: last });
      from = next;
    };
    const end = (outcome: string, message = '', returned?: number): void => {
      tellRows(last + 1);
      record({ kind: 'stream-ended', ...facts, outcome, message, returned, isWhole });
    };
    try {
      const rows = this.#client.rows(wanted);
      for (;;) {
        const { done, value } = await rows.next();
        if (done) return end('all', '', value);
        if (this.#isClosed) record({ kind: 'after-close', ...this.#facts, message: `a row of ${stream}` });
        isWhole &&= isRowOf(wanted, value);
        if (value.n !== last + 1) tellRows(value.n);
        last = value.n;
        if (last >= leaveAt) break;
        if (pauseMs > 0 && last % PAUSE_ROWS === 0) await wait(pauseMs);
      }
      await rows.return(0);
      end('left');
    } catch (error) {
      const { code, message } = describe(error);
      end(code, message);
    }
  }

  #nextCall(): string {
    return `${this.#facts.client}-call-${++this.#lastNumber}`;
  }

  /** Within which a call that is made now must settle, ms. */
  #limitMs(): number {
    const { isReady, readyError } = this.#client as unknown as { isReady: boolean; readyError?: Error };
    const { waitMs, responseMs } = this.#around.kind;
    return (isReady && !readyError ? 0 : waitMs) + responseMs + MARGIN_MS;
  }

  /** @returns to be called when the call has settled; every time */
  #called(
    method: string,
    limitMs: number | undefined,
    isIdempotent = false,
    call = this.#nextCall(),
  ): (error: unknown, isOwn?: boolean) => void {
    const { record, ranMs } = this.#around;
    record({ kind: 'called', ...this.#facts, call, method, isIdempotent, limitMs });
    const startedMs = ranMs();
    return (error, isOwn = true) => {
      const { code, message } = error === undefined ? { code: 'ok', message: '' } : describe(error);
      record({ kind: 'settled', ...this.#facts, call, outcome: code, message, isOwn, ranMs: ranMs() - startedMs });
    };
  }
}

/** Nothing else of this process runs meanwhile. */
export function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}

function describe(error: unknown): { code: string; message: string } {
  const { code, name, message } = error as { code?: unknown; name?: unknown; message?: unknown };
  return { code: String(code ?? name ?? error), message: String(message ?? error) };
}
