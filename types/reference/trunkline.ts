/**
 * The shared client: `require('trunkline')` is the function {@link cluster}, with the other values as properties.
 * @module trunkline
 */

// The entry of the API reference (typedoc.json): the exports of src/index.mts where they are declared, because typedoc shows the
// aliases of src/index.ts without members, and the types that these refer to.

export { cluster, cluster as default, close, status, type ClusterBuilder } from '../../src/client/cluster';
export { APIClientBase, type APIClientOptions, type Delegates } from '../../src/client/api-client-base';
export type { FirstEvent } from '../../src/client/client-base';
export type { DelegateOptions, DelegateTarget } from '../../src/client/delegation';
export type { ReadyCallback } from '../../src/client/readiness';
export type { Phase } from '../../src/client/search';
export type { CallOptions } from '../../src/client/call-limit';
export type { LatestValuesOptions, ValueIterator } from '../../src/client/latest-values';
export type { SharedClient } from '../../src/client/shared-client';
export type { SharedClientOf } from '../../src/client/shared-type';
export type { SubscriptionHandle } from '../../src/client/subscription-handle';
export type { ClientStatus } from '../../src/client/status';
export type { UpstreamView } from '../../src/host-view';
export type { UpstreamClass } from '../../src/client/upstream-class';
export { TrunklineError, type ErrorCode } from '../../src/errors';
export { ClusterAgentWorkerError, ClusterWorkerExceptionError, type Master, type MasterClass } from '../../src/eggjs-cluster';
export type { Logger } from '../../src/logger';
export type { CarryMode, ClientOptions, DeliveryMode } from '../../src/options';
export type { FollowerSnapshot } from '../../src/roles/role';
export { startCluster, type Supervised } from '../../src/supervisor/start-cluster';
export type {
  ClusterHTTPSSecureOptions,
  ClusterOptions,
  ClusterStartMode,
  MasterOptions,
} from '../../src/supervisor/eggjs-options';
export type { SupervisorOptions } from '../../src/supervisor/host/options';
export type {
  CallTrace,
  ChildMessage,
  ClientRole,
  EventMessage,
  FleetMessage,
  HandoffMessage,
  OutboxMessage,
  RoleMessage,
  TelemetryMessages,
  TelemetryTraces,
  UpstreamCallTrace,
  UpstreamMessage,
} from '../../src/telemetry';
export type { Transcode } from '../../protocol/value-codec';
