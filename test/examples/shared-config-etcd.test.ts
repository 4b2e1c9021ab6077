// The demo with a real etcd as the server.

import { EtcdClient } from '../../examples/shared-config/etcd-client';
import { describeWithEtcd, Etcd } from '../support/etcd';
import { eventually } from '../support/eventually';
import { FaultProxy } from '../../src/testing/fault-proxy';
import { ExampleRun } from './example-run';

describeWithEtcd('the demo with a real etcd', () => {
  let etcd: Etcd;
  beforeAll(async () => {
    etcd = await Etcd.start();
  });
  afterAll(() => etcd.stop());

  it('tells the same story', async () => {
    const run = new ExampleRun('shared-config/main.js', [], { ETCD_URL: etcd.url });
    expect(await run.end()).toBe(0);
    expect(run.output).toMatch(/Worker \d+ leads, 3 follow; watch streams: 1\./);
    expect(run.output).toContain('watch streams: 1 — without sharing it would be 4 (counted by etcd, one per client)');
    expect(run.output).toMatch(/Worker \d+ took over: all 3 survivors have its data/);
    expect(run.output).toContain('Nothing is lost');
    expect(run.processes()).toEqual([]);
    await run.dispose();
  });

  it('a client that was away while etcd compacted its history gets the present value, and each later one', async () => {
    const proxy = await FaultProxy.start(Number(new URL(etcd.url).port));
    const client = new EtcdClient({ url: `http://127.0.0.1:${proxy.port}` });
    const [direct, errors, seen]: [EtcdClient, unknown[], string[]] = [new EtcdClient({ url: etcd.url }), [], []];
    client.on('error', (error: Error) => errors.push(error));
    try {
      await client.ready();
      await client.subscribe({ key: 'away' }, ({ value }) => seen.push(value));
      await direct.set('away', 'before');
      await eventually('the value before', () => seen.includes('before'));
      proxy.pause('toTarget');
      proxy.cut();
      await direct.set('away', 'missed');
      const { version } = await direct.set('away', 'meanwhile');
      await compact(etcd, version);
      proxy.resume('toTarget');
      await eventually('the value of meanwhile', () => seen.includes('meanwhile'));
      await direct.set('away', 'after');
      await eventually('the value after', () => seen.includes('after'));
      expect(seen).toEqual(['before', 'meanwhile', 'after']);
      expect(errors).toEqual([]);
    } finally {
      proxy.resume('toTarget');
      await client.close();
      await direct.close();
      await proxy.close();
    }
  });
});

/** etcd forgets what was before this revision. */
async function compact(etcd: Etcd, revision: number): Promise<void> {
  const body = JSON.stringify({ revision: String(revision), physical: true });
  const response = await fetch(`${etcd.url}/v3/kv/compaction`, { method: 'POST', body, headers: { connection: 'close' } });
  if (!response.ok) throw new Error(await response.text());
}
