// The public face for ESM: the same instance as `require('trunkline')` gives.

import './require-in-bundle.mjs';
import cluster from './index.js';

export default cluster;
export const { close, status, startCluster, APIClientBase, TrunklineError } = cluster;
export const { Master, ClusterAgentWorkerError, ClusterWorkerExceptionError } = cluster;
type Targets = Record<string, cluster.DelegateTarget>;
export type APIClientBase<
  C extends cluster.UpstreamClass = any, // eslint-disable-line @typescript-eslint/no-explicit-any -- as the class
  D extends Targets = Record<never, never>,
> = cluster.APIClientBase<C, D>;
export type TrunklineError = cluster.TrunklineError;
export type APIClientOptions = cluster.APIClientOptions;
export type CallOptions = cluster.CallOptions;
export type ClusterBuilder<C extends cluster.UpstreamClass> = cluster.ClusterBuilder<C>;
export type ClientOptions = cluster.ClientOptions;
export type ClientStatus = cluster.ClientStatus;
export type ClusterAgentWorkerError = cluster.ClusterAgentWorkerError;
export type ClusterHTTPSSecureOptions = cluster.ClusterHTTPSSecureOptions;
export type ClusterOptions = cluster.ClusterOptions;
export type ClusterStartMode = cluster.ClusterStartMode;
export type ClusterWorkerExceptionError = cluster.ClusterWorkerExceptionError;
export type DelegateOptions = cluster.DelegateOptions;
export type Delegates = cluster.Delegates;
export type DelegateTarget = cluster.DelegateTarget;
export type ErrorCode = cluster.ErrorCode;
export type LatestValuesOptions = cluster.LatestValuesOptions;
export type Logger = cluster.Logger;
export type Master = cluster.Master;
export type MasterOptions = cluster.MasterOptions;
export type SharedClient = cluster.SharedClient;
export type SharedClientOf<C extends cluster.UpstreamClass, D extends Targets = Record<never, never>> = cluster.SharedClientOf<
  C,
  D
>;
export type SubscriptionHandle = cluster.SubscriptionHandle;
export type Supervised = cluster.Supervised;
export type SupervisorOptions = cluster.SupervisorOptions;
export type TelemetryMessages = cluster.TelemetryMessages;
export type TelemetryTraces = cluster.TelemetryTraces;
export type Transcode = cluster.Transcode;
export type UpstreamClass = cluster.UpstreamClass;
export type ValueIterator<V> = cluster.ValueIterator<V>;
