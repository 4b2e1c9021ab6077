// `trunkline/fleet/etcd`: the engine of a fleet over etcd.

export { etcdEngine, type EtcdEngineOptions } from './engines/etcd/etcd-engine';
export type { EtcdTlsOptions } from './engines/etcd/etcd-engine';
