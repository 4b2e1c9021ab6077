// A store in memory, as an adapter's class sees one: what the front needs, and the control of the store for a test.

import type {
  OwnedEntry,
  RegistryUpstream,
  StoredEntry,
  StoreHealth,
  Watched,
  WatchedState,
  WriteOptions,
} from '../../../src/adapters/registry';

/** The store that all instances of a class of `storeClass` talk to. */
export class FakeStore {
  readonly entries = new Map<string, StoredEntry>();
  readonly watches = new Map<string, { readonly what: Watched; readonly listener: (state: WatchedState) => void }>();
  /** Every call but `subscribe` and `unSubscribe`, with its arguments. */
  readonly calls: unknown[][] = [];
  /** How often each watch was begun and ended. */
  readonly verbs: string[] = [];
  #version = 0;

  put(key: string, value: string | Uint8Array): number {
    this.entries.set(key, { key, version: ++this.#version, bytes: Buffer.from(value) });
    this.#tell(key);
    return this.#version;
  }

  delete(key: string): boolean {
    const existed = this.entries.delete(key);
    this.#tell(key);
    return existed;
  }

  stateOf(what: Watched): WatchedState {
    if ('key' in what) return this.entries.get(what.key) ?? null;
    const entries = [...this.entries.values()].filter(({ key }) => key.startsWith(what.prefix));
    return entries.sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  #tell(key: string): void {
    for (const { what, listener } of this.watches.values()) {
      if ('key' in what ? what.key === key : key.startsWith(what.prefix)) listener(this.stateOf(what));
    }
  }
}

/** An adapter's class over a store in memory. Every call makes a new class. */
export function storeClass(store: FakeStore) {
  return class FakeStoreClient implements RegistryUpstream {
    readonly health: StoreHealth = { ok: true };
    readonly server: string;

    constructor(options: { server: string }) {
      this.server = options.server;
    }

    ready(): Promise<void> {
      return Promise.resolve();
    }

    subscribe(what: Watched, listener: (state: WatchedState) => void): Promise<void> {
      store.verbs.push(`subscribe ${JSON.stringify(what)}`);
      store.watches.set(JSON.stringify(what), { what, listener });
      listener(store.stateOf(what));
      return Promise.resolve();
    }

    unSubscribe(what: Watched): Promise<void> {
      store.verbs.push(`unSubscribe ${JSON.stringify(what)}`);
      store.watches.delete(JSON.stringify(what));
      return Promise.resolve();
    }

    publish({ key, text }: OwnedEntry): Promise<void> {
      store.put(key, text);
      return Promise.resolve();
    }

    unPublish({ key, text }: OwnedEntry): Promise<void> {
      const entry = store.entries.get(key);
      if (entry && Buffer.from(entry.bytes).toString() === text) store.delete(key);
      return Promise.resolve();
    }

    get(key: string): Promise<StoredEntry | null> {
      return Promise.resolve(store.entries.get(key) ?? null);
    }

    list(prefix: string): Promise<readonly StoredEntry[]> {
      return Promise.resolve(store.stateOf({ prefix }) as readonly StoredEntry[]);
    }

    put(key: string, bytes: Uint8Array, options?: WriteOptions): Promise<number> {
      store.calls.push(['put', key, options]);
      return Promise.resolve(store.put(key, bytes));
    }

    delete(key: string, options?: WriteOptions): Promise<boolean> {
      store.calls.push(['delete', key, options]);
      return Promise.resolve(store.delete(key));
    }

    close(): Promise<void> {
      return Promise.resolve();
    }
  };
}
