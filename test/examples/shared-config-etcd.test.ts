// The demo with an etcd that runs already.

import { describeWithEtcd, Etcd } from '../support/etcd';
import { ExampleRun } from './example-run';

describeWithEtcd('the demo with a real etcd', () => {
  let etcd: Etcd;
  beforeAll(async () => {
    etcd = await Etcd.start();
  });
  afterAll(() => etcd.stop());

  it.each([[[]], [['--registry', 'etcd']]])('tells the same story with the arguments %j', async (args) => {
    const run = new ExampleRun('shared-config/main.js', args, { ETCD_URL: etcd.url });
    expect(await run.end()).toBe(0);
    expect(run.output).toContain(`the etcd at ${etcd.url}`);
    expect(run.output).toMatch(/Worker \d+ leads, 3 follow; watch streams: 1\./);
    expect(run.output).toContain('watch streams: 1 — without sharing it would be 4 (counted by etcd, one per client)');
    expect(run.output).toMatch(/Worker \d+ took over: all 3 survivors have its data/);
    expect(run.output).toContain('Nothing is lost');
    expect(run.processes()).toEqual([]);
    await run.dispose();
  });
});
