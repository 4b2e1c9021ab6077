// The example of a fleet, with the Redis that it starts itself.

import { describeWithRedis } from '../support/redis';
import { ExampleRun } from './example-run';

describeWithRedis('the example of a fleet', () => {
  it('shows one connection for three hosts, before and after the death of the host that holds it', async () => {
    const run = new ExampleRun('fleet/main.js', []);
    expect(await run.end()).toBe(0);
    expect(run.output).toMatch(/3 hosts, 6 processes, connections at the registry: 1\n/);
    const [, first] = /host (\w+) holds the connection/.exec(run.output) ?? [];
    const [, next] = /host (\w+) took over, epoch \d+; all have a new value \d+ ms after the kill/.exec(run.output) ?? [];
    expect(first).toBeDefined();
    expect(next).toBeDefined();
    expect(next).not.toBe(first);
    expect(run.output).toMatch(/\nconnections at the registry: 1\n/);
    await run.dispose();
  });
});
