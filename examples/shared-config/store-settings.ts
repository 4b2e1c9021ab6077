// The settings of a real store, shared with one of trunkline's ready-made adapters: no class has to be written.

import { rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { Store } from 'trunkline/file';
import type { Setting } from './config-client';
import type { SharedSettings } from './shared-settings';

/** Other keys of the store are not touched. */
const PREFIX = 'trunkline-example/';

/** A store, and how a setting is written there. */
interface OpenStore {
  readonly store: Store;
  readonly prefix: string;
  readonly write: (key: string, value: string) => Promise<unknown>;
}

/** The package of each adapter is loaded when its address is met. */
export async function connectTo(url: string): Promise<OpenStore> {
  const { protocol, host } = new URL(url);
  if (protocol === 'file:') return filesIn(fileURLToPath(url));
  let store: Store;
  if (protocol === 'redis:') store = (await import('trunkline/redis')).connectRedis({ url });
  else if (protocol === 'zookeeper:') store = (await import('trunkline/zookeeper')).connectZooKeeper({ connectString: host });
  else store = (await import('trunkline/etcd')).connectEtcd({ endpoints: url });
  return { store, prefix: PREFIX, write: (key, value) => store.config.put(key, value) };
}

/** Files are read by the adapter and written by whoever changes the configuration: here the worker does both. */
async function filesIn(path: string): Promise<OpenStore> {
  const store = (await import('trunkline/file')).connectFile({ path });
  const write = async (key: string, value: string): Promise<void> => {
    const temporary = join(path, `.${key}-${process.pid}`);
    await writeFile(temporary, value);
    await rename(temporary, join(path, key));
  };
  return { store, prefix: '', write };
}

export function storeSettings({ store, prefix, write }: OpenStore): SharedSettings {
  const { config } = store;
  const settingOf = (key: string, { text, version }: { text: string; version: number }): Setting => ({
    key,
    value: text,
    version,
  });
  const get = async (key: string): Promise<Setting | undefined> => {
    const entry = await config.read(prefix + key);
    return entry && settingOf(key, entry);
  };
  return {
    get isLeader() {
      return store.status().role === 'leader';
    },
    get term() {
      return store.status().term;
    },
    ready: () => store.ready(),
    watch: (key, listener) => {
      config.watch(prefix + key, (entry) => {
        if (entry) listener(settingOf(key, entry));
      });
    },
    get,
    set: async (key, value) => {
      await write(prefix + key, value);
      return (await get(key))!;
    },
    close: () => store.close(),
  };
}
