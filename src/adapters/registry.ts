// The interface of every adapter: what an upstream client over a store of keys must have so that the front (front.ts) offers `config`
// and `registry` over the client. Keys are texts, values are bytes, and a service instance is a key that lives as long as its owner.
// Classes outside of this package may implement the interface too: docs/recipes.md.

/** A key of the store with its value, as it travels between processes. */
export interface StoredEntry {
  readonly key: string;
  /**
   * The version that the store gives to the value, ≥ 1. A later value of a key has a larger version, as long as the key exists: etcd the
   * mod revision, ZooKeeper the data version + 1 (ZooKeeper counts from 0), files the time of the change, others a counter. Never a number
   * of this process alone: the next leader goes on where the last one was.
   */
  readonly version: number;
  readonly bytes: Uint8Array;
}

/** What is watched: a single key, or all keys that begin with a text. The empty prefix is the whole store. */
export type Watched = { readonly key: string } | { readonly prefix: string };

/** The present state of a watch: of a key its entry, or null when the key does not exist; of a prefix all entries, sorted by key. */
export type WatchedState = StoredEntry | null | readonly StoredEntry[];

/** A key that shall exist as long as the process that published the key, e.g. a service instance. */
export interface OwnedEntry {
  readonly key: string;
  readonly text: string;
}

export interface WriteOptions {
  /** The write happens only if the key has this version; 0: only if the key does not exist. */
  readonly ifVersion?: number | undefined;
}

/** How an upstream client stands, see docs/writing-an-upstream-class.md#health. */
export interface StoreHealth {
  readonly ok: boolean;
  readonly error?: Error | undefined;
}

/**
 * An instance of an adapter's class: the real client, of which there is one on each host. Every method may be called as soon as `ready()`
 * has resolved, and the instance connects again by itself from then on. Errors are TrunklineErrors that name the server.
 * `get`, `list`, `put`, `delete` and `unPublish` must be `async` methods by their syntax: frameworks share no others unasked.
 */
export interface RegistryUpstream {
  /** Rejects with the reason if the store cannot be reached or refuses this client. */
  ready(): Promise<unknown>;
  /**
   * Calls the listener with the present state, and with every later one, never with an older state after a newer one. States that follow
   * each other quickly may be left out. There is one listener for each key or prefix: a second call replaces the listener.
   * @returns a promise that resolves when the store confirms the watch
   */
  subscribe(what: Watched, listener: (state: WatchedState) => void): Promise<void>;
  unSubscribe(what: Watched): Promise<void>;
  /**
   * Writes an entry that the store drops when this client dies (lease, session, time to live), and keeps the entry alive. May be called
   * again with the same entry, and with another text for the same key.
   */
  publish(entry: OwnedEntry): Promise<void>;
  /** Removes what `publish` has written, unless another text was published for the key since. */
  unPublish(entry: OwnedEntry): Promise<void>;
  /** @returns null when the key does not exist */
  get(key: string): Promise<StoredEntry | null>;
  /** @returns all entries with this prefix, sorted by key */
  list(prefix: string): Promise<readonly StoredEntry[]>;
  /**
   * @returns the version of the new value
   * @throws TrunklineError ERR_TRUNKLINE_VERSION_CONFLICT, ERR_TRUNKLINE_VALUE_TOO_LARGE, ERR_TRUNKLINE_STORE_LACKS
   */
  put(key: string, bytes: Uint8Array, options?: WriteOptions): Promise<number>;
  /**
   * @returns whether the key existed
   * @throws TrunklineError ERR_TRUNKLINE_VERSION_CONFLICT, ERR_TRUNKLINE_STORE_LACKS
   */
  delete(key: string, options?: WriteOptions): Promise<boolean>;
  readonly health: StoreHealth;
  close(): Promise<void>;
}

/** Whether a watch of a key, as opposed to a prefix. */
export function isKeyWatch(what: Watched): what is { readonly key: string } {
  return 'key' in what;
}
