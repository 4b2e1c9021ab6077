// `trunkline/zookeeper`: configuration and services in ZooKeeper, over one session of the host. Needs the package node-zookeeper-client.

import { connectStore, type Store, type StoreOptions } from '../front';
import { ZooKeeperClient } from './zookeeper-client';
import { resolveZooKeeperOptions, type ZooKeeperOptions } from './zookeeper-options';

export * from '../face';
export { ZooKeeperClient } from './zookeeper-client';
export type { ZooKeeperOptions } from './zookeeper-options';

/**
 * Shares a part of ZooKeeper with all processes of the host.
 * @param shared options of the shared client, such as `port`
 * @throws TrunklineError ERR_TRUNKLINE_OPTION_INVALID
 */
export function connectZooKeeper(options: ZooKeeperOptions, shared?: StoreOptions): Store {
  const { servers, root } = resolveZooKeeperOptions(options);
  // Processes that name the servers in another order share the same channel.
  const names = servers.map(({ host, port }) => `${host}:${port}`).sort();
  return connectStore(ZooKeeperClient, `zookeeper ${names.join()}${root}`, options, shared);
}
