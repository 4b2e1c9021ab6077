// What the recipes of this folder have in common: an upstream client over the HTTP interface of a server. A recipe says how its
// server is asked; here are the loops that watch, the heartbeats of what was published, time limits and errors. Methods whose names
// begin with an underscore are not shared with other processes. See docs/recipes.md.

import { EventEmitter } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { TrunklineError } from 'trunkline';
import type { OwnedEntry, RegistryUpstream, StoredEntry, StoreHealth, Watched, WatchedState, WriteOptions } from 'trunkline/file';

/** What the server says of a key or prefix, and how it tells this state from the next one. */
export interface Seen {
  readonly state: WatchedState;
  /** What the server compares to know whether there is news: an index, a digest. Undefined: ask again after `pollMs`. */
  readonly mark?: string | undefined;
}

export interface HttpStoreOptions {
  /** Where the server is, such as `http://127.0.0.1:8848`. */
  readonly url: string;
  /** How long the server may take for an answer, ms; a long poll has its own time on top of it. Default: 5000. */
  readonly timeoutMs?: number;
  /** How often a server that cannot be waited for is asked for news, ms. */
  readonly pollMs?: number;
  /** How often the server is told that what was published is alive, ms. */
  readonly beatMs?: number;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

export interface Request {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | URLSearchParams | Uint8Array;
  readonly signal?: AbortSignal;
  /** How long the server waits before it answers, ms. Default: 0. */
  readonly waitMs?: number;
  /** Statuses that are an answer; others are errors. Default: 200. */
  readonly accepts?: readonly number[];
}

/** A key below `services/` is an instance of a service: `services/NAME/ID`, both with `encodeURIComponent`. */
export interface Instance {
  readonly name: string;
  readonly id: string;
  readonly address: string;
  readonly port: number;
  readonly metadata?: Readonly<Record<string, string>> | undefined;
}

const SERVICES = 'services/';
/** Between tries of a watch while the server cannot be asked, ms. */
const RETRY_MS = 1_000;
/** After an answer without news, ms: a server that does not wait as it should is not asked in a circle. */
const PAUSE_MS = 20;

export abstract class HttpStore extends EventEmitter implements RegistryUpstream {
  protected readonly url: string;
  protected readonly pollMs: number;
  readonly #timeoutMs: number;
  readonly #beatMs: number;
  readonly #life = new AbortController();
  readonly #watches = new Map<string, AbortController>();
  readonly #owned = new Map<string, { readonly text: string; readonly beats: NodeJS.Timeout }>();
  readonly #values = new Map<string, { readonly text: string; readonly version: number }>();
  #health: StoreHealth = { ok: true };

  constructor({ url, timeoutMs = 5_000, pollMs = 5_000, beatMs = 5_000 }: HttpStoreOptions) {
    super();
    this.url = url.replace(/\/$/, '');
    this.pollMs = pollMs;
    this.#timeoutMs = timeoutMs;
    this.#beatMs = beatMs;
    this.setMaxListeners(0);
  }

  /** Rejects if the server does not answer. */
  abstract ready(): Promise<unknown>;
  /** The present state. With a mark, may wait until the server has another state than that of the mark. */
  protected abstract _look(what: Watched, mark: string | undefined, signal: AbortSignal): Promise<Seen>;

  /** Registers an instance that the server drops if it is not told again within some time. */
  protected _register(_instance: Instance, _key: string): Promise<void> {
    return Promise.reject(this.lacks('registers no services'));
  }

  /** Tells the server that the instance is alive; registers it again if the server has lost it. */
  protected _keepAlive(instance: Instance, key: string): Promise<void> {
    return this._register(instance, key);
  }

  /** Whether the server takes two instances with one key for the same, so that the second registration replaces the first. */
  protected _isSame(_before: Instance, _after: Instance): boolean {
    return true;
  }

  protected _deregister(_instance: Instance, _key: string): Promise<void> {
    return Promise.resolve();
  }

  // Asynchronous methods are shared by themselves, so these are asynchronous although nothing is awaited.
  // eslint-disable-next-line @typescript-eslint/require-await
  async put(_key: string, _bytes: Uint8Array, _options?: WriteOptions): Promise<number> {
    throw this.lacks('is not written to by this client');
  }

  // eslint-disable-next-line @typescript-eslint/require-await
  async delete(_key: string, _options?: WriteOptions): Promise<boolean> {
    throw this.lacks('is not written to by this client');
  }

  get health(): StoreHealth {
    return this.#health;
  }

  async subscribe(what: Watched, listener: (state: WatchedState) => void): Promise<void> {
    const name = JSON.stringify(what);
    this.#watches.get(name)?.abort();
    const watch = new AbortController();
    this.#watches.set(name, watch);
    const signal = AbortSignal.any([watch.signal, this.#life.signal]);
    const seen = await this._look(what, undefined, signal);
    if (signal.aborted) return;
    listener(seen.state);
    void this.#watch(what, seen, listener, signal);
  }

  unSubscribe(what: Watched): Promise<void> {
    const name = JSON.stringify(what);
    this.#watches.get(name)?.abort();
    this.#watches.delete(name);
    return Promise.resolve();
  }

  async publish({ key, text }: OwnedEntry): Promise<void> {
    const instance = this.#instanceOf(key, text);
    await this._register(instance, key);
    const before = this.#owned.get(key);
    clearInterval(before?.beats);
    const old = before && this.#instanceOf(key, before.text);
    if (old && !this._isSame(old, instance)) await this._deregister(old, key);
    if (this.#life.signal.aborted) return;
    const beat = (): void => {
      this._keepAlive(instance, key).then(
        () => this.#say({ ok: true }),
        (error: Error) => this.#say({ ok: false, error }),
      );
    };
    this.#owned.set(key, { text, beats: setInterval(beat, this.#beatMs) });
  }

  async unPublish({ key, text }: OwnedEntry): Promise<void> {
    const owned = this.#owned.get(key);
    if (!owned || owned.text !== text) return; // another text was published since
    clearInterval(owned.beats);
    this.#owned.delete(key);
    await this._deregister(this.#instanceOf(key, text), key);
  }

  async get(key: string): Promise<StoredEntry | null> {
    return (await this._look({ key }, undefined, this.#life.signal)).state as StoredEntry | null;
  }

  async list(prefix: string): Promise<readonly StoredEntry[]> {
    return (await this._look({ prefix }, undefined, this.#life.signal)).state as readonly StoredEntry[];
  }

  /** What was published stays until the server misses the heartbeats: the next leader publishes the same. */
  close(): Promise<void> {
    this.#life.abort();
    for (const { beats } of this.#owned.values()) clearInterval(beats);
    return Promise.resolve();
  }

  async #watch(what: Watched, first: Seen, listener: (state: WatchedState) => void, signal: AbortSignal): Promise<void> {
    let { mark } = first;
    let told = JSON.stringify(first.state);
    while (!signal.aborted) {
      try {
        if (mark === undefined) await wait(this.pollMs, undefined, { signal });
        const seen = await this._look(what, mark, signal);
        if (signal.aborted) return;
        mark = seen.mark;
        this.#say({ ok: true });
        const state = JSON.stringify(seen.state);
        if (state !== told) listener(seen.state);
        else await wait(PAUSE_MS, undefined, { signal });
        told = state;
      } catch (error) {
        if (signal.aborted) return;
        this.#say({ ok: false, error: error as Error });
        mark = undefined;
        await wait(RETRY_MS, undefined, { signal }).catch(() => undefined);
      }
    }
  }

  #say(health: StoreHealth): void {
    const isNews = health.ok !== this.#health.ok;
    this.#health = health;
    if (isNews && !this.#life.signal.aborted) this.emit('health', health);
  }

  /** @throws TrunklineError ERR_TRUNKLINE_STORE_UNREACHABLE, ERR_TRUNKLINE_STORE_DENIED, ERR_TRUNKLINE_STORE_FAILED */
  protected async _request(path: string, { waitMs = 0, accepts = [200], signal, ...request }: Request = {}): Promise<Answer> {
    const limit = AbortSignal.timeout(this.#timeoutMs + waitMs);
    const signals = [limit, this.#life.signal, ...(signal ? [signal] : [])];
    let answer: Answer;
    try {
      const response = await fetch(this.url + path, { ...request, signal: AbortSignal.any(signals) });
      answer = { status: response.status, headers: response.headers, text: await response.text() };
    } catch (cause) {
      const why = limit.aborted ? `no answer within ${this.#timeoutMs + waitMs} ms` : messageOf(cause);
      const sentence = `${this.url} cannot be asked for ${path}: ${why}; check that the server runs there`;
      throw new TrunklineError('ERR_TRUNKLINE_STORE_UNREACHABLE', sentence, { server: this.url, cause });
    }
    const { status, text } = answer;
    if (accepts.includes(status)) return answer;
    const isDenied = status === 401 || status === 403;
    const code = isDenied ? 'ERR_TRUNKLINE_STORE_DENIED' : 'ERR_TRUNKLINE_STORE_FAILED';
    const sentence = `${this.url} answers ${path} with status ${status}: ${text.slice(0, 200)}`;
    throw new TrunklineError(code, isDenied ? `${sentence}; check the token or the user` : sentence, { server: this.url });
  }

  protected lacks(what: string): TrunklineError {
    return new TrunklineError('ERR_TRUNKLINE_STORE_LACKS', `${this.url} ${what}`, { server: this.url });
  }

  /** The name of the service that is watched, for what is below `services/`; undefined for anything else. */
  protected serviceOf(what: Watched): string | undefined {
    const text = 'key' in what ? what.key : what.prefix;
    if (!text.startsWith(SERVICES)) return undefined;
    const [name = '', ...rest] = text.slice(SERVICES.length).split('/');
    if (name === '' || rest.length !== 1) throw this.lacks(`lists the instances of one service: watch ${SERVICES}NAME/`);
    return decodeURIComponent(name);
  }

  /** The instances as keys: all of a prefix, or the one of a key. */
  protected stateOf(what: Watched, instances: readonly Instance[]): WatchedState {
    const entries = instances.map((instance): StoredEntry => {
      const key = `${SERVICES}${encodeURIComponent(instance.name)}/${encodeURIComponent(instance.id)}`;
      return this.versioned(key, JSON.stringify(instance))!;
    });
    if ('key' in what) return entries.find(({ key }) => key === what.key) ?? null;
    return entries.filter(({ key }) => key.startsWith(what.prefix)).sort(byKey);
  }

  /**
   * The entry of a store that has no versions: the time of its change, as this client saw it, in ms. So a later leader on this
   * host gives no smaller one.
   */
  protected versioned(key: string, text: string | undefined): StoredEntry | null {
    if (text === undefined) return null;
    let known = this.#values.get(key);
    if (known?.text !== text) known = { text, version: Math.max((known?.version ?? 0) + 1, Date.now()) };
    this.#values.set(key, known);
    return { key, version: known.version, bytes: Buffer.from(text) };
  }

  #instanceOf(key: string, text: string): Instance {
    if (key.startsWith(SERVICES)) return JSON.parse(text) as Instance;
    throw this.lacks(`keeps no key alive for its owner but instances of services, which ${key} is not`);
  }
}

export function byKey(one: StoredEntry, other: StoredEntry): number {
  return one.key < other.key ? -1 : one.key > other.key ? 1 : 0;
}

function messageOf(error: unknown): string {
  const { message, cause } = error as Error;
  return cause instanceof Error ? `${message} (${cause.message})` : message;
}
