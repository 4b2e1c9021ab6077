// The fleet benchmark: its command line, and that both sides run and give figures.

import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parseFleetArguments } from '../../bench/fleet/arguments';
import { cpuMsOf } from '../../bench/fleet/engine-servers';
import { describeWithRedis } from '../support/redis';

it('takes engines and numbers of members from the command line', () => {
  expect(parseFleetArguments(['--engine', 'redis', '--members', '5,7'])).toMatchObject({
    engines: ['redis'],
    members: [5, 7],
    keys: [1, 1_000],
    rounds: 3,
  });
  expect(parseFleetArguments(['--quick'])).toMatchObject({ members: [10], keys: [1], rounds: 1 });
  expect(() => parseFleetArguments(['--engine', 'zookeeper'])).toThrow('zookeeper');
  expect(() => parseFleetArguments(['--members', 'many'])).toThrow('many');
});

it('reads the processor time of a process in milliseconds', () => {
  const before = cpuMsOf(process.pid);
  const own = process.cpuUsage();
  while (process.cpuUsage(own).user < 200_000);
  expect(cpuMsOf(process.pid) - before).toBeGreaterThanOrEqual(180);
  const { user, system } = process.cpuUsage();
  expect(cpuMsOf(process.pid)).toBeGreaterThanOrEqual((user + system) / 1_000 - 50);
});

describeWithRedis('a quick run over Redis', () => {
  it('prints a row for the fleet and another for independent connections', async () => {
    const main = join(__dirname, '../../dist/bench/main.js');
    const { stdout } = await promisify(execFile)(process.execPath, [
      ...[main, '--fleet', '--quick', '--engine', 'redis', '--members', '3', '--only', 'values'],
    ]);
    expect(stdout).toMatch(/redis +\| +3 \| +1 \| fleet +\| +1 \| +[1-9]\d*/);
    expect(stdout).toMatch(/redis +\| +3 \| +1 \| independent +\| +3 \| +[1-9]\d*/);
  });
});
