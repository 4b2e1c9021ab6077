// The public face for CommonJS: `require('trunkline')` is the function `cluster`, with everything else as properties. index.mts
// gives the same instance to ESM.

import {
  APIClientBase as APIClient,
  type APIClientOptions as APIClientOpts,
  type Delegates as DelegateMap,
} from './client/api-client-base';
import { close as closeClient, cluster as build, status as statusOfAll, type ClusterBuilder as Builder } from './client/cluster';
import type { DelegateOptions as DelegateOpts, DelegateTarget as Target } from './client/delegation';
import type { CallOptions as CallOpts } from './client/call-limit';
import type { LatestValuesOptions as ValuesOptions, ValueIterator as Iterator } from './client/latest-values';
import type { SubscriptionHandle as Handle } from './client/subscription-handle';
import type { UpstreamClass as Upstream } from './client/upstream-class';
import { type SharedClient as Shared } from './client/shared-client';
import type { SharedClientOf as SharedOf } from './client/shared-type';
import {
  ClusterAgentWorkerError as AgentWorkerError,
  ClusterWorkerExceptionError as WorkerExceptionError,
  masterClass,
  type Master as Starting,
  type MasterClass,
} from './eggjs-cluster';
import { TrunklineError as TrunklineErr, type ErrorCode as Code } from './errors';
import type { Logger as Log } from './logger';
import type { ClientStatus as Status } from './client/status';
import type { ClientOptions as Options } from './options';
import type { Transcode as Coding } from '../protocol/value-codec';
import type { TelemetryMessages as Messages, TelemetryTraces as Traces } from './telemetry';
import type { startCluster as start, Supervised as Running, SupervisorOptions as Supervision } from './supervisor';
import type {
  ClusterHTTPSSecureOptions as HTTPSFiles,
  ClusterOptions as EggOptions,
  ClusterStartMode as StartMode,
  MasterOptions as EggMasterOptions,
} from './supervisor/eggjs-options';

type Cluster = typeof build & {
  close: typeof closeClient;
  status: typeof statusOfAll;
  APIClientBase: typeof APIClient;
  TrunklineError: typeof TrunklineErr;
  /** As of `trunkline/supervisor`, which is loaded when this is called. */
  startCluster: typeof start;
  Master: MasterClass<EggOptions>;
  ClusterAgentWorkerError: typeof AgentWorkerError;
  ClusterWorkerExceptionError: typeof WorkerExceptionError;
  default: Cluster;
};

const cluster = build as Cluster;
cluster.close = closeClient;
cluster.status = statusOfAll;
cluster.APIClientBase = APIClient;
cluster.TrunklineError = TrunklineErr;
// Loading the shared client loads nothing of the supervisor.
cluster.startCluster = (...args) => (require('./supervisor') as typeof import('./supervisor')).startCluster(...args);
cluster.Master = masterClass((options: EggOptions) => cluster.startCluster(options));
cluster.ClusterAgentWorkerError = AgentWorkerError;
cluster.ClusterWorkerExceptionError = WorkerExceptionError;
cluster.default = cluster;

// eslint-disable-next-line @typescript-eslint/no-namespace -- the only way to export types beside `export =`
declare namespace cluster {
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- as the class
  export type APIClientBase<C extends Upstream = any, D extends Record<string, Target> = Record<never, never>> = APIClient<C, D>;
  export type APIClientOptions = APIClientOpts;
  export type CallOptions = CallOpts;
  export type ClusterBuilder<C extends Upstream> = Builder<C>;
  export type ClientOptions = Options;
  export type ClientStatus = Status;
  export type ClusterAgentWorkerError = AgentWorkerError;
  export type ClusterHTTPSSecureOptions = HTTPSFiles;
  export type ClusterOptions = EggOptions;
  export type ClusterStartMode = StartMode;
  export type ClusterWorkerExceptionError = WorkerExceptionError;
  export type DelegateOptions = DelegateOpts;
  export type Delegates = DelegateMap;
  export type DelegateTarget = Target;
  export type ErrorCode = Code;
  export type LatestValuesOptions = ValuesOptions;
  export type Logger = Log;
  export type Master = Starting<EggOptions>;
  export type MasterOptions = EggMasterOptions;
  export type SharedClient = Shared;
  export type SharedClientOf<C extends Upstream, D extends Record<string, Target> = Record<never, never>> = SharedOf<C, D>;
  export type SubscriptionHandle = Handle;
  export type Supervised = Running;
  export type SupervisorOptions = Supervision;
  export type TelemetryMessages = Messages;
  export type TelemetryTraces = Traces;
  export type Transcode = Coding;
  export type TrunklineError = TrunklineErr;
  export type UpstreamClass = Upstream;
  export type ValueIterator<V> = Iterator<V>;
}

export = cluster;
