// `config`: the keys of a store, the same for every store.

import { types } from 'node:util';
import { TrunklineError } from '../errors';
import { ConfigEntry } from './config-entry';
import { isWellFormed } from './key-text';
import type { StoredEntry, Watched, WatchedState, WriteOptions } from './registry';
import { Watch, watchArguments, type SharedStoreClient, type WatchOptions } from './watch';

/** All entries with a prefix, by key, in the order of the keys. */
export type ConfigEntries = ReadonlyMap<string, ConfigEntry>;

/** What `get` needs of a watch. */
type OpenWatch<T> = Pick<Watch<T>, 'isKnown' | 'current'>;

export class Config {
  readonly #client: SharedStoreClient;
  /** The open watches of each key, and of each prefix. */
  readonly #keys = new Map<string, Set<OpenWatch<ConfigEntry | undefined>>>();
  readonly #prefixes = new Map<string, Set<OpenWatch<ConfigEntries>>>();

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
    for (const watch of this.#keys.get(key) ?? []) if (watch.isKnown) return watch.current;
    for (const [prefix, watches] of this.#prefixes) {
      if (!key.startsWith(prefix)) continue;
      for (const watch of watches) if (watch.isKnown) return watch.current!.get(key);
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
   * @throws TrunklineError ERR_TRUNKLINE_KEY_INVALID, ERR_TRUNKLINE_OPTION_INVALID
   */
  watch(key: string, options?: WatchOptions): Watch<ConfigEntry | undefined>;
  /** @param listener called with the present entry and with every later entry; an error in the listener is an `error` event of the client */
  watch(key: string, listener: (entry: ConfigEntry | undefined) => void, options?: WatchOptions): Watch<ConfigEntry | undefined>;
  /**
   * Watches all keys that begin with a text. Each state is the whole map: changes within 20 ms and 0.05 ms for each entry come in one
   * state.
   */
  watch(what: { readonly prefix: string }, options?: WatchOptions): Watch<ConfigEntries>;
  watch(
    what: { readonly prefix: string },
    listener: (entries: ConfigEntries) => void,
    options?: WatchOptions,
  ): Watch<ConfigEntries>;
  watch(
    what: string | { readonly prefix: string },
    second?: unknown,
    third?: unknown,
  ): Watch<ConfigEntry | undefined> | Watch<ConfigEntries> {
    if (typeof what === 'object' && (what as unknown) !== null) {
      const { prefix } = what;
      assertPrefix(prefix);
      const read = (state: WatchedState, before: ConfigEntries | undefined): ConfigEntries =>
        entriesOf(state as readonly StoredEntry[], before);
      return this.#watch(this.#prefixes, prefix, { prefix }, read, second, third);
    }
    assertKey(what);
    return this.#watch<ConfigEntry | undefined>(this.#keys, what, { key: what }, entryOf, second, third);
  }

  #watch<T>(
    open: Map<string, Set<OpenWatch<T>>>,
    name: string,
    what: Watched,
    read: (state: WatchedState, before: T | undefined) => T,
    second: unknown,
    third: unknown,
  ): Watch<T> {
    const { listener, options } = watchArguments<T>('config.watch', second, third);
    const watch = new Watch<T>(this.#client, what, read, listener, options, (closed) => {
      const siblings = open.get(name);
      if (siblings?.delete(closed) && siblings.size === 0) open.delete(name);
    });
    if (watch.isOver) return watch;
    const siblings = open.get(name);
    if (siblings) siblings.add(watch);
    else open.set(name, new Set([watch]));
    return watch;
  }

  /**
   * Writes a key.
   * @param value a text is written as UTF-8
   * @returns the version of the new value
   * @throws (rejects) TrunklineError ERR_TRUNKLINE_VERSION_CONFLICT, ERR_TRUNKLINE_VALUE_TOO_LARGE, ERR_TRUNKLINE_VALUE_INVALID,
   * ERR_TRUNKLINE_STORE_LACKS for a store that takes no writes, and others of the store
   */
  async put(key: string, value: string | Uint8Array, options?: WriteOptions): Promise<number> {
    assertKey(key);
    if (typeof value !== 'string' && !types.isUint8Array(value)) {
      throw invalidValue(key, `must be a text or a Uint8Array; use config.putJson for other values`);
    }
    return this.#client.put(key, typeof value === 'string' ? Buffer.from(value) : value, writeOptions(options));
  }

  /** Writes a key as JSON, otherwise as `put`. @throws (rejects) TrunklineError ERR_TRUNKLINE_VALUE_INVALID for what JSON cannot express */
  async putJson(key: string, value: unknown, options?: WriteOptions): Promise<number> {
    assertKey(key);
    let text: string | undefined;
    try {
      text = JSON.stringify(value);
    } catch (cause) {
      throw invalidValue(key, `has no JSON form (${(cause as Error).message})`, cause);
    }
    if (text === undefined) throw invalidValue(key, `has no JSON form, because JSON has none for ${typeof value}`);
    return this.put(key, text, options);
  }

  /** Deletes a key. @returns whether the key existed @throws (rejects) as `put` */
  async delete(key: string, options?: WriteOptions): Promise<boolean> {
    assertKey(key);
    return this.#client.delete(key, writeOptions(options));
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

function isText(text: unknown): text is string {
  return typeof text === 'string' && isWellFormed(text);
}

function assertKey(key: unknown): asserts key is string {
  if (isText(key) && key !== '') return;
  const sentence = 'a key of config must be a text of whole characters, and at least one';
  throw new TrunklineError('ERR_TRUNKLINE_KEY_INVALID', sentence, { key });
}

function assertPrefix(prefix: unknown): void {
  if (isText(prefix)) return;
  throw new TrunklineError('ERR_TRUNKLINE_KEY_INVALID', 'a prefix of config must be a text of whole characters', { prefix });
}

/** @throws TrunklineError ERR_TRUNKLINE_OPTION_INVALID */
function writeOptions(options: WriteOptions | undefined): WriteOptions | undefined {
  const given: unknown = options ?? undefined;
  if (given === undefined) return undefined;
  const ifVersion: unknown = (given as Partial<WriteOptions>).ifVersion;
  const isVersion = ifVersion === undefined || (Number.isSafeInteger(ifVersion) && (ifVersion as number) >= 0);
  if (typeof given === 'object' && isVersion) return { ifVersion: ifVersion as number | undefined };
  const sentence =
    'config.put, putJson and delete: options must be { ifVersion } with a version of the key, or 0 for no such key';
  throw new TrunklineError('ERR_TRUNKLINE_OPTION_INVALID', sentence, { option: 'ifVersion' });
}

function invalidValue(key: string, what: string, cause?: unknown): TrunklineError {
  return new TrunklineError('ERR_TRUNKLINE_VALUE_INVALID', `the value for ${key} ${what}`, { key, cause });
}
