// `trunkline/observe`: looks at the processes of a host and at how their channels stand.

export { startDashboard, type Dashboard, type DashboardOptions, type ObservedApplication } from './dashboard/start-dashboard';
export { readValue, type WantedValue } from './dashboard/read-value';
export type { DashboardActions } from './dashboard/actions';
export type { HostView, HostViewSource } from '../host-view';
export { tracing, type Tracing, type TracingOptions } from './tracing';
