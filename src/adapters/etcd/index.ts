// `trunkline/etcd`: configuration and services in etcd, over a single connection of the host.

import { connectStore, type Store, type StoreOptions } from '../front';
import { EtcdClient } from './etcd-client';
import { resolveClientOptions, type EtcdClientOptions } from './etcd-client-options';

export * from '../face';
export { EtcdClient } from './etcd-client';
export type { EtcdClientOptions } from './etcd-client-options';
export type { EtcdOptions, EtcdTlsOptions } from '../../etcd/etcd-options';

/**
 * Shares an etcd with all processes of the host.
 * @param shared options of the shared client, such as `port`
 * @throws TrunklineError ERR_TRUNKLINE_OPTION_INVALID
 */
export function connectEtcd(options: EtcdClientOptions, shared?: StoreOptions): Store {
  return connectStore(EtcdClient, `etcd ${resolveClientOptions(options).name}`, options, shared);
}
