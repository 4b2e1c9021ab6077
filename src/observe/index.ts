// `trunkline/observe`: looks at the processes of a host and at how their channels stand.

export { startDashboard, type Dashboard, type DashboardOptions } from './dashboard/start-dashboard';
export type { HostViewSource } from './dashboard/live-view';
