// `trunkline/observe`: looks at the processes of a host and at how their channels stand.

export { startDashboard, type Dashboard, type DashboardOptions } from './dashboard/start-dashboard';
export type { DashboardActions } from './dashboard/actions';
export type { WantedValue } from './dashboard/start-dashboard';
export type { HostView, HostViewSource } from '../host-view';
export { tracing, type Tracing, type TracingOptions } from './tracing';
