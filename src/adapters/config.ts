// `config`: the keys of a store, the same for every store.

import { TrunklineError } from '../errors';
import { ConfigEntry } from './config-entry';
import type { StoredEntry, Watched, WatchedState, WriteOptions } from './registry';
import { Watch, type SharedStoreClient, type WatchOptions } from './watch';

/** All entries with a prefix, by key, in the order of the keys. */
export type ConfigEntries = ReadonlyMap<string, ConfigEntry>;

/** What `get` needs of a watch. */
type OpenWatch = Pick<Watch<unknown>, 'what' | 'isKnown' | 'current'>;

export class Config {
  readonly #client: SharedStoreClient;
  readonly #watches = new Set<OpenWatch>();

  constructor(client: SharedStoreClient) {
    this.#client = client;
  }

  /**
   * The newest entry of a key that this process watches, alone or by a prefix, at once and without asking anybody.
   * @returns undefined when the key does not exist
   * @throws TrunklineError ERR_TRUNKLINE_NOT_WATCHED, also while the first value of the watch has not come
   */
  get(key: string): ConfigEntry | undefined {
    assertKey(key);
    for (const watch of this.#watches) {
      if (!watch.isKnown) continue;
      if ('key' in watch.what && watch.what.key === key) return watch.current as ConfigEntry | undefined;
      if ('prefix' in watch.what && key.startsWith(watch.what.prefix)) return (watch.current as ConfigEntries).get(key);
    }
    const sentence = `${key} is not watched, or its first value has not come: await config.watch(${JSON.stringify(key)}).ready, or use config.read()`;
    throw new TrunklineError('ERR_TRUNKLINE_NOT_WATCHED', sentence, { key });
  }

  /**
   * Asks the store for a key.
   * @returns undefined when the key does not exist
   * @throws (rejects) TrunklineError ERR_TRUNKLINE_STORE_UNREACHABLE and others of the store
   */
  async read(key: string): Promise<ConfigEntry | undefined> {
    assertKey(key);
    const entry = await this.#client.get(key);
    return entry ? new ConfigEntry(entry) : undefined;
  }

  /** Asks the store for all keys that begin with a text. @throws (rejects) as `read` */
  async list(prefix: string): Promise<ConfigEntries> {
    assertPrefix(prefix);
    return entriesOf(await this.#client.list(prefix), undefined);
  }

  /**
   * Watches a key: undefined stands for a key that does not exist.
   * @param listener called with the present entry and with every later one; an error in the listener is an `error` event of the client
   */
  watch(key: string, options?: WatchOptions): Watch<ConfigEntry | undefined>;
  watch(key: string, listener: (entry: ConfigEntry | undefined) => void, options?: WatchOptions): Watch<ConfigEntry | undefined>;
  /** Watches all keys that begin with a text. Each state is the whole map; changes within 20 ms come in one state. */
  watch(what: { readonly prefix: string }, options?: WatchOptions): Watch<ConfigEntries>;
  watch(
    what: { readonly prefix: string },
    listener: (entries: ConfigEntries) => void,
    options?: WatchOptions,
  ): Watch<ConfigEntries>;
  watch(
    what: string | { readonly prefix: string },
    second?: ((state: never) => void) | WatchOptions,
    third?: WatchOptions,
  ): Watch<ConfigEntry | undefined> | Watch<ConfigEntries> {
    const listener = typeof second === 'function' ? second : undefined;
    const options = (typeof second === 'function' ? third : second) ?? {};
    if (typeof what === 'string') {
      assertKey(what);
      return this.#watch({ key: what }, entryOf, listener as ((entry: ConfigEntry | undefined) => void) | undefined, options);
    }
    assertPrefix(what.prefix);
    const read = (state: WatchedState, before: ConfigEntries | undefined): ConfigEntries =>
      entriesOf(state as readonly StoredEntry[], before);
    return this.#watch({ prefix: what.prefix }, read, listener as ((entries: ConfigEntries) => void) | undefined, options);
  }

  #watch<T extends ConfigEntry | undefined | ConfigEntries>(
    what: Watched,
    read: (state: WatchedState, before: T | undefined) => T,
    listener: ((state: T) => void) | undefined,
    options: WatchOptions,
  ): Watch<T> {
    const watch = new Watch<T>(this.#client, what, read, listener, options, (closed) => this.#watches.delete(closed));
    if (!options.signal?.aborted) this.#watches.add(watch);
    return watch;
  }

  /**
   * Writes a key.
   * @param value a text is written as UTF-8
   * @returns the version of the new value
   * @throws (rejects) TrunklineError ERR_TRUNKLINE_VERSION_CONFLICT, ERR_TRUNKLINE_VALUE_TOO_LARGE, ERR_TRUNKLINE_STORE_LACKS for a store that
   * takes no writes, and others of the store
   */
  async put(key: string, value: string | Uint8Array, options?: WriteOptions): Promise<number> {
    assertKey(key);
    return this.#client.put(key, typeof value === 'string' ? Buffer.from(value) : value, options);
  }

  /** Writes a key as JSON, otherwise as `put`. @throws (rejects) TypeError for what JSON cannot express */
  async putJson(key: string, value: unknown, options?: WriteOptions): Promise<number> {
    const text = JSON.stringify(value) as string | undefined;
    if (text === undefined) throw new TypeError(`putJson(${JSON.stringify(key)}): JSON has no form for ${typeof value}`);
    return this.put(key, text, options);
  }

  /** Deletes a key. @returns whether the key existed @throws (rejects) as `put` */
  async delete(key: string, options?: WriteOptions): Promise<boolean> {
    assertKey(key);
    return this.#client.delete(key, options);
  }
}

/** The entry before is given again if nothing has changed, so that JSON is parsed once. */
function entryOf(state: WatchedState, before: ConfigEntry | undefined): ConfigEntry | undefined {
  const entry = state as StoredEntry | null;
  if (!entry) return undefined;
  const isSame = before?.version === entry.version && Buffer.compare(before.bytes, entry.bytes) === 0;
  return isSame ? before : new ConfigEntry(entry);
}

function entriesOf(state: readonly StoredEntry[], before: ConfigEntries | undefined): ConfigEntries {
  return new Map(state.map((entry) => [entry.key, entryOf(entry, before?.get(entry.key))!]));
}

function assertKey(key: unknown): void {
  if (typeof key === 'string' && key !== '') return;
  throw new TrunklineError('ERR_TRUNKLINE_KEY_INVALID', 'a key of config must be a text with at least one character', { key });
}

function assertPrefix(prefix: unknown): void {
  if (typeof prefix === 'string') return;
  throw new TrunklineError('ERR_TRUNKLINE_KEY_INVALID', 'a prefix of config must be a text', { prefix });
}
