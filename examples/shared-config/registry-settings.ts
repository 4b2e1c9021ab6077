// The settings of the registry of this example, shared with a class that was written for the registry (registry-client.ts). The code is
// the same for leading and following: everything about sharing is in the statement that makes `config`.

import cluster from 'trunkline';
import { RegistryClient } from './registry-client';
import type { SharedSettings } from './shared-settings';

export function registrySettings(url: string): SharedSettings {
  const config = cluster(RegistryClient)
    .delegate('get', 'invoke', { idempotent: true }) // a call that was under way when the leader died is sent again
    .delegate('set', 'invoke', { idempotent: true })
    .create({ url });
  return {
    get isLeader() {
      return config.isClusterClientLeader;
    },
    ready: () => config.ready(),
    get term() {
      return config.status().term;
    },
    watch: (key, listener) => {
      void config.subscribe({ key }, listener);
    },
    get: (key) => config.get(key),
    set: (key, value) => config.set(key, value),
    close: () => cluster.close(config),
  };
}
