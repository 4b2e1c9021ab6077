// The chaos program with a fleet on real engines, for a while and with fixed seeds.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { describeWithEtcd } from '../support/etcd';
import { isAlive } from '../support/processes';
import { describeWithRedis } from '../support/redis';

const MAIN = join(__dirname, '../../dist/chaos/main.js');
const members = /process (\d+) +started/g;
let child: ChildProcess | undefined;
let progress = '';

afterEach(async () => {
  if (child && child.exitCode === null && child.signalCode === null) {
    const exited = once(child, 'exit');
    child.kill('SIGINT');
    await exited;
  }
});

async function keepsEveryPromise(...args: string[]): Promise<void> {
  const run = (child = spawn(process.execPath, [MAIN, '--verbose', ...args], { stdio: ['ignore', 'pipe', 'pipe'] }));
  let output = (progress = '');
  run.stdout.on('data', (text: Buffer) => (output += text.toString()));
  run.stderr.on('data', (text: Buffer) => (progress += text.toString()));
  const [code] = (await once(run, 'close')) as [number | null];
  expect(output).toContain('Every promise was kept.');
  expect(code).toBe(0);
  expect(output).toMatch(/^calls +\d+ settled: .*ok \d+/m);
  expect(output).toMatch(/^epochs +[1-9]/m);
  const pids = [...progress.matchAll(members)].map(([, pid]) => Number(pid));
  expect(pids.length).toBeGreaterThanOrEqual(6);
  expect(pids.filter(isAlive)).toEqual([]);
}

describeWithRedis('a fleet over Redis', () => {
  it('keeps every promise for 20 s of random faults', () =>
    keepsEveryPromise('--fleet', 'redis', '--seconds', '20', '--seed', '1'));
});

describeWithEtcd('a fleet over etcd', () => {
  it('keeps every promise for 20 s of random faults', () =>
    keepsEveryPromise('--fleet', 'etcd', '--seconds', '20', '--seed', '1'));
});
