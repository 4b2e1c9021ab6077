// `trunkline/etcd`: configuration and services in etcd, over a single connection of the host.

import { connectStore, type Store, type StoreOptions } from '../front';
import { EtcdClient, type EtcdClientOptions } from './etcd-client';

export * from '../face';
export { EtcdClient, type EtcdClientOptions } from './etcd-client';
export type { EtcdOptions, EtcdTlsOptions } from '../../etcd/etcd-options';

/**
 * Shares an etcd with all processes of the host.
 * @param shared options of the shared client, such as `port`
 */
export function connectEtcd(options: EtcdClientOptions, shared?: StoreOptions): Store {
  const { endpoints } = options;
  const addresses = (typeof endpoints === 'string' ? [endpoints] : [...endpoints]).sort();
  return connectStore(EtcdClient, `etcd ${addresses.join(' ')}`, options, shared);
}
