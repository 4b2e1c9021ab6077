// `trunkline/observe`: looks at the processes of a host and at how their channels stand.

export { startDashboard, type Dashboard, type DashboardOptions, type ObservedApplication } from './dashboard/start-dashboard';
export { readValue, type WantedValue } from './dashboard/read-value';
export type { DashboardActions } from './dashboard/actions';
export type { HostView, HostViewSource } from '../host-view';
export { metrics, type Metrics, type MetricsOptions, type MetricsRegistry, type MetricsSource } from './metrics';
export { startMetricsServer, type MetricsServer, type MetricsServerOptions } from './metrics-server';
export { tracing, type Tracing, type TracingOptions } from './tracing';
