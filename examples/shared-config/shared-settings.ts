// What a worker does with the settings that all processes share. The address selects the server, and only the client of that server is
// loaded: a class of this example, or one of the ready-made adapters of trunkline.

import type { Setting } from './config-client';

export interface SharedSettings {
  readonly isLeader: boolean;
  /** Counts the leaders of the processes. */
  readonly term: number;
  ready(): Promise<unknown>;
  /** Calls the listener with the present value, and with each later value. */
  watch(key: string, listener: (setting: Setting) => void): void;
  get(key: string): Promise<Setting | undefined>;
  set(key: string, value: string): Promise<Setting>;
  close(): Promise<void>;
}

/**
 * @param url `tcp://…` for the registry of this example; `http://…` or `https://…` for etcd, `redis://…`, `zookeeper://…`, `file://…` for
 * a folder
 */
export async function sharedSettings(url: string): Promise<SharedSettings> {
  if (url.startsWith('tcp:')) return (await import('./registry-settings.js')).registrySettings(url);
  const { connectTo, storeSettings } = await import('./store-settings.js');
  return storeSettings(await connectTo(url));
}
