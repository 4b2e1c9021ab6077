// The server whose connection is shared, from the view of the story: the registry of this example, or a real store.

import type { Changes } from './changes';
import { EmbeddedRegistry } from './embedded-registry';
import { etcd, runningEtcd } from './etcd';
import { FileFolder } from './file-folder';
import { OwnServer } from './own-server';
import { redis } from './redis';
import { zookeeper } from './zookeeper';

export interface ConfigServer {
  /** For the sentence "… on http://…". */
  readonly name: string;
  readonly url: string;
  /** What is counted. */
  readonly unit: string;
  readonly countedBy: string;
  /** How many client connections there are now; undefined when the server does not say. */
  readonly connections: number | undefined;
  /** @throws Failure when there is no server @throws NotInstalled */
  start(): Promise<void>;
  stop(): Promise<void>;
}

export const REGISTRIES = ['etcd', 'redis', 'zookeeper', 'file'] as const;
export type RegistryName = (typeof REGISTRIES)[number];

/**
 * @param registry undefined: the etcd at `etcdUrl`, or the registry of this example
 * @param etcdUrl where an etcd runs
 */
export function chooseServer(registry: RegistryName | undefined, changes: Changes, etcdUrl: string | undefined): ConfigServer {
  if (registry === 'file') return new FileFolder(changes);
  if (registry === 'redis') return new OwnServer(redis, changes);
  if (registry === 'zookeeper') return new OwnServer(zookeeper, changes);
  if (etcdUrl) return runningEtcd(etcdUrl, changes);
  return registry === 'etcd' ? new OwnServer(etcd, changes) : new EmbeddedRegistry(changes);
}
