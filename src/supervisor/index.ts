// `trunkline/supervisor`: bring up an application of several processes, and what its programs need.

export { startCluster, type Supervised } from './start-cluster';
export type { ProcessStatus } from './master/master';
export type { SlotState } from './master/slot';
export type { SupervisorOptions } from './options';
export { onStop, ready } from './child/runtime';
