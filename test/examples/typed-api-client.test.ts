// The example of a typed client with a synchronous cache.

import { freePort } from '../support/ports';
import { ExampleRun } from './example-run';

it('shows three processes that see each other, and one that leaves', async () => {
  const run = new ExampleRun('typed-api-client/main.js', [], { NODE_CLUSTER_CLIENT_PORT: String(await freePort()) });
  expect(await run.end()).toBe(0);
  expect(run.output).toMatch(/parent +leader +sees orders: pid-\d+ pid-\d+ pid-\d+\n/);
  expect(run.output).toMatch(/child +follower sees orders: pid-\d+ pid-\d+ pid-\d+\n/);
  expect(run.output).toContain('services: orders');
  expect(run.output).toMatch(/parent +leader +sees orders: pid-\d+ pid-\d+\n[^]*$/);
  expect(run.processes()).toEqual([]);
  await run.dispose();
});

it('works in one process without a network', async () => {
  const run = new ExampleRun('typed-api-client/main.js', ['single']);
  expect(await run.end()).toBe(0);
  expect(run.output).toContain('sees orders: 10.0.0.1:80 10.0.0.2:80');
  await run.dispose();
});
