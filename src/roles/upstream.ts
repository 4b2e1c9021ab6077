// The user's upstream client, kept alive: created, awaited, created again when it failed to start or closed by
// itself. It hides how the user's methods give their results (promise, callback, generator, plain value) and that
// they may throw. Single (single.ts) decides what to ask of it.

import co from 'co';
import { isGeneratorFunction } from 'is-type-of';
import type { CallStyle } from '../../protocol/message';
import { isError } from '../../protocol/error-value';
import { TrunklineError } from '../errors';
import { Backoff, type Timer } from '../time';
import { callbackIndex } from './callback-parameter';
import type { ChannelSpec } from './role';

export interface UpstreamHooks {
  /** A live client exists, perhaps not ready yet. @returns undoes what was attached to it */
  onCreated(client: object): () => void;
  /** The client is ready; it knows no subscription and no publication yet. */
  onReady(): void;
  /** It is not: the reason. The next attempt follows by itself. */
  onSetback(error: unknown): void;
}

type Client = Record<string, unknown>;
type Method = (...args: unknown[]) => unknown;

/** Time between two attempts to get a working upstream client, ms. */
const RETRY_MIN_MS = 100;
const RETRY_MAX_MS = 10_000;
/** How long the close method of a client that has failed may take before a new one is created, ms. */
const DISCARD_MS = 1_000;

export class Upstream {
  readonly #spec: ChannelSpec;
  readonly #hooks: UpstreamHooks;
  readonly #backoff = new Backoff(RETRY_MIN_MS, RETRY_MAX_MS);
  #client: Client | undefined;
  #detach: () => void = () => undefined;
  #ready = false;
  #retry: Timer | undefined;
  #closed = false;

  constructor(spec: ChannelSpec, hooks: UpstreamHooks) {
    this.#spec = spec;
    this.#hooks = hooks;
  }

  get isReady(): boolean {
    return this.#ready;
  }

  start(): void {
    let client: Client;
    try {
      client = this.#spec.createUpstream() as Client;
    } catch (error) {
      this.#failed(error);
      return;
    }
    this.#client = client;
    const detach = this.#hooks.onCreated(client);
    const unwatch = onceClosed(client, () => {
      if (this.#client === client) this.#lost();
    });
    this.#detach = () => {
      detach();
      unwatch();
    };
    this.#await(client);
  }

  /** Whether the client has a method for this verb. */
  has(verb: keyof ChannelSpec['methods']): boolean {
    const name = this.#spec.methods[verb];
    return name !== undefined && typeof this.#client?.[name] === 'function';
  }

  /**
   * subscribe, unSubscribe, publish or unPublish. Without effect where the client has no such method.
   * @returns settles when a promise that the method returned does
   * @throws never: a synchronous throw becomes a rejection
   */
  async verb(verb: keyof ChannelSpec['methods'], ...args: unknown[]): Promise<void> {
    const client = this.#client;
    const name = this.#spec.methods[verb];
    if (!client || name === undefined) return;
    const method = client[name];
    if (typeof method === 'function') await runPlain(client, method as Method, args);
  }

  call(name: string, args: readonly unknown[], style: CallStyle | undefined): Promise<unknown[]> {
    const client = this.#client;
    if (!client || !this.#ready) {
      return Promise.reject(
        new TrunklineError(
          'ERR_TRUNKLINE_UPSTREAM_LOST',
          `${this.#spec.name}: ${name} cannot run, the upstream client has closed and a new one is being created; try again`,
          { channel: this.#spec.name, method: name },
        ),
      );
    }
    const method = client[name];
    if (typeof method !== 'function') {
      return Promise.reject(
        new TrunklineError(
          'ERR_TRUNKLINE_UNKNOWN_METHOD',
          `${this.#spec.name}: the upstream client has no method ${name}; check delegate()`,
          { channel: this.#spec.name, method: name },
        ),
      );
    }
    return runAndCollect(client, method as Method, args, style);
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#spec.clock.clearTimeout(this.#retry);
    const client = this.#client;
    this.#client = undefined;
    this.#ready = false;
    // The client's last events while it closes still reach the user; nothing after that does.
    try {
      if (client) await this.#closeClient(client);
    } finally {
      this.#detach();
    }
  }

  #await(client: Client): void {
    const settle = (error?: unknown): void => {
      if (this.#client !== client || this.#ready || this.#closed) return;
      if (error) {
        this.#failed(error);
        return;
      }
      this.#ready = true;
      this.#backoff.reset();
      this.#hooks.onReady();
    };
    whenReady(client, settle);
  }

  #failed(error: unknown): void {
    if (this.#closed) return;
    this.#hooks.onSetback(
      isError(error)
        ? error
        : new TrunklineError('ERR_TRUNKLINE_UPSTREAM_FAILED', `${this.#spec.name}: the upstream client failed to start`, {
            channel: this.#spec.name,
            cause: error,
          }),
    );
    this.#spec.clock.clearTimeout(this.#retry);
    this.#retry = this.#spec.clock.setTimeout(() => void this.#tryAgain(), this.#backoff.nextMs());
  }

  async #tryAgain(): Promise<void> {
    const failed = this.#client;
    if (failed) {
      // It may have recovered by itself; and a client that cannot be closed must not get a second one beside it.
      if (isReadyNow(failed) || !this.has('close')) {
        this.#await(failed);
        return;
      }
      await this.#discard(failed);
    }
    if (!this.#closed) this.start();
  }

  #lost(): void {
    const client = this.#client;
    if (this.#closed || !client) return;
    this.#ready = false;
    void this.#discard(client).then(() => {
      this.#failed(
        new TrunklineError(
          'ERR_TRUNKLINE_UPSTREAM_LOST',
          `${this.#spec.name}: the upstream client has closed; a new one is being created`,
          {
            channel: this.#spec.name,
          },
        ),
      );
    });
  }

  async #discard(client: Client): Promise<void> {
    const { clock } = this.#spec;
    this.#client = undefined;
    this.#detach();
    this.#detach = () => undefined;
    let timer: Timer | undefined;
    const patience = new Promise<void>((resolve) => {
      timer = clock.setTimeout(resolve, DISCARD_MS);
    });
    // It has failed, and that was reported; how it closes changes nothing.
    await Promise.race([this.#closeClient(client).catch(() => undefined), patience]);
    clock.clearTimeout(timer);
  }

  async #closeClient(client: Client): Promise<void> {
    const name = this.#spec.methods.close;
    if (name === undefined) return;
    const method = client[name];
    if (typeof method === 'function') await runPlain(client, method as Method, []);
  }
}

/** Runs a method whose results nobody collects; waits for its promise or generator. */
async function runPlain(client: Client, method: Method, args: unknown[]): Promise<void> {
  await (isGeneratorFunction(method) ? co.wrap(method as never) : method).apply(client, args as never);
}

/** Awaits instead of chaining promises, so that the stack of a failure shows who called. */
async function runAndCollect(
  client: Client,
  method: Method,
  args: readonly unknown[],
  style: CallStyle | undefined,
): Promise<unknown[]> {
  if (isGeneratorFunction(method)) return [await co.wrap(method as never).apply(client, args as never)];
  const position = callbackPosition(method, args, style);
  if (position === undefined) return [await method.apply(client, [...args])];
  return new Promise((resolve, reject) => {
    const passed = [...args];
    passed[position] = (error?: unknown, ...results: unknown[]): void => {
      if (error) reject(error);
      else resolve(results);
    };
    // Some methods take a callback and return a promise all the same: the first answer counts.
    const returned = method.apply(client, passed);
    if (isThenable(returned)) returned.then((value) => resolve([value]), reject);
  });
}

/** Where the upstream method gets a callback; undefined when it gets none and the arguments are exactly the caller's. */
function callbackPosition(method: Method, args: readonly unknown[], style: CallStyle | undefined): number | undefined {
  if (isAsync(method)) return undefined;
  switch (style) {
    case 'callback':
      return args.length;
    case undefined:
      return args.length; // cluster-client 3.x always appends one, and its callers may count on it
    case 'promise': {
      const index = callbackIndex(method);
      return index === undefined ? undefined : Math.max(index, args.length);
    }
  }
}

function isAsync(method: Method): boolean {
  return Object.prototype.toString.call(method) === '[object AsyncFunction]';
}

function isThenable(value: unknown): value is PromiseLike<unknown> {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}

/** Calls back once the client says that it is ready, or why not. A client without `ready()` is ready at once. */
function whenReady(client: Client, settle: (error?: unknown) => void): void {
  if (typeof client.ready !== 'function') {
    settle();
    return;
  }
  try {
    const returned = (client.ready as Method)((error?: unknown) => {
      settle(error);
    });
    // Some classes only have the promise form.
    if (isThenable(returned)) {
      returned.then(
        () => {
          settle();
        },
        (error: unknown) => {
          settle(error ?? new Error('ready() was rejected without a reason'));
        },
      );
    }
  } catch (error) {
    settle(error);
  }
}

/** Whether a client of the sdk-base kind has become ready after all. */
function isReadyNow(client: Client): boolean {
  return client.isReady === true && (client.readyError === undefined || client.readyError === null);
}

function onceClosed(client: Client, onClose: () => void): () => void {
  if (typeof client.once !== 'function' || typeof client.removeListener !== 'function') return () => undefined;
  (client.once as Method)('close', onClose);
  return () => {
    (client.removeListener as Method)('close', onClose);
  };
}
