// The web server of the dashboard, with a source that a test drives.

import { startDashboard, type Dashboard, type HostViewSource } from '../../../src/observe';
import type { HostView } from '../../../src/host-view';

const VIEW: HostView = {
  source: 'supervisor',
  at: 1,
  host: 'here',
  application: undefined,
  processes: [],
  channels: [],
  events: [],
};
let dashboard: Dashboard | undefined;

afterEach(() => dashboard?.close());

async function start(read: () => Promise<HostView>): Promise<string> {
  const source: HostViewSource = {
    read,
    watch: () => ({ [Symbol.asyncIterator]: () => ({ next: () => new Promise(() => undefined) }) }),
  };
  dashboard = await startDashboard({ source, port: 0 });
  return dashboard.url;
}

it('gives the view of the host as JSON', async () => {
  const url = await start(() => Promise.resolve(VIEW));
  const response = await fetch(`${url}api/status`);
  expect([response.status, await response.json()]).toEqual([200, JSON.parse(JSON.stringify(VIEW))]);
});

it('says why there is no view', async () => {
  const url = await start(() => Promise.reject(new Error('shop is not running')));
  const response = await fetch(`${url}api/status`);
  expect([response.status, await response.json()]).toEqual([503, { error: 'shop is not running' }]);
});

it('is alive without a view', async () => {
  const url = await start(() => Promise.reject(new Error('shop is not running')));
  expect((await fetch(`${url}healthz`)).status).toBe(200);
});
