// `trunkline/supervisor`: starts an application of several processes, and gives programs of the application what they need.

export {
  defineConfig,
  type ApplicationConfiguration,
  type Configuration,
  type SeveralConfiguration,
  type SingleConfiguration,
} from './define-config';
export { startCluster, type ProcessStatus, type Supervised } from './start-cluster';
export type * from '../host-view';
export type { SlotState } from './master/slot';
export type { FrameworkOptions, ProgramOptions, SupervisorOptions } from './host/options';
export type { Address, Delivery, Receiver } from './messaging/messages';
export type { Acknowledged, Messages, Messenger } from './messaging/messenger';
export { messenger, onDrain, onStop, ready } from './child/runtime';
