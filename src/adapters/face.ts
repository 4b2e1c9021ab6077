// What every adapter's subpath exports besides its own class: the front, and the types of the common interface.

export { storeOf, type Store, type StoreOptions } from './front';
export type { Config, ConfigEntries } from './config';
export type { ConfigEntry } from './config-entry';
export type { Registration, Service, ServiceInstance, ServiceRegistry, ServiceRegistryOptions } from './services';
export type { Watch, WatchOptions, SharedStoreClient } from './watch';
export type { OwnedEntry, RegistryUpstream, StoredEntry, StoreHealth, Watched, WatchedState, WriteOptions } from './registry';
