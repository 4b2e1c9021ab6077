import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import { dirname, join } from 'node:path';
import { containerLimits, oomKills, workersFor } from '../../../src/supervisor/host/container-limits';

const GIB = 2 ** 30;
/** What version 1 says when there is no limit. */
const V1_NONE = '9223372036854771712\n';
const HOST = { cpus: os.availableParallelism(), memoryBytes: undefined, source: 'host' };

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(os.tmpdir(), 'trunkline-limits-'));
});

afterEach(() => {
  rmSync(root, { recursive: true });
});

/** A machine's files, below `root`. */
function files(contents: Record<string, string>): void {
  for (const [path, content] of Object.entries(contents)) {
    const file = join(root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
  }
}

const v2 = (own: string, contents: Record<string, string>): void =>
  files({
    'proc/self/cgroup': `0::${own}\n`,
    'sys/fs/cgroup/cgroup.controllers': 'cpu memory\n',
    ...Object.fromEntries(Object.entries(contents).map(([path, content]) => [`sys/fs/cgroup/${path}`, content])),
  });

const v1 = (own: string, contents: Record<string, string>): void =>
  files({
    'proc/self/cgroup': `12:memory:${own}\n4:cpu,cpuacct:${own}\n0::/\n`,
    ...Object.fromEntries(Object.entries(contents).map(([path, content]) => [`sys/fs/cgroup/${path}`, content])),
  });

describe('version 2', () => {
  it('a container that is the root of its mount', () => {
    v2('/', { 'cpu.max': '50000 100000\n', 'memory.max': '1073741824\n' });
    expect(containerLimits(root)).toEqual({ cpus: 0.5, memoryBytes: GIB, source: 'cgroup v2' });
  });

  it('the smallest limit of the own group and of all above it counts, each for itself', () => {
    v2('/slice/service', {
      'slice/service/cpu.max': '80000 100000\n',
      'slice/service/memory.max': '1073741824\n',
      'slice/cpu.max': '10000 100000\n',
      'slice/memory.max': '2147483648\n',
      'cpu.max': 'max 100000\n',
      'memory.max': 'max\n',
    });
    expect(containerLimits(root)).toEqual({ cpus: 0.1, memoryBytes: GIB, source: 'cgroup v2' });
  });

  it('a path of the host falls back to the root of the mount', () => {
    v2('/docker/0123', { 'cpu.max': '25000 100000\n' });
    expect(containerLimits(root)).toMatchObject({ cpus: 0.25, source: 'cgroup v2' });
  });

  it('a path that leads out of the mount stays inside', () => {
    v2('/../../elsewhere', { 'cpu.max': '25000 100000\n' });
    files({ 'elsewhere/cpu.max': '1000 100000\n', 'sys/elsewhere/cpu.max': '1000 100000\n' });
    expect(containerLimits(root).cpus).toBe(0.25);
  });

  it('a quota of more CPUs than there are is a limit all the same, but not a promise of more', () => {
    v2('/', { 'cpu.max': '102400000 100000\n' });
    expect(containerLimits(root)).toEqual({ ...HOST, source: 'cgroup v2' });
  });
});

describe('version 1', () => {
  it('reads quota, period and memory', () => {
    v1('/', {
      'cpu/cpu.cfs_quota_us': '50000\n',
      'cpu/cpu.cfs_period_us': '100000\n',
      'memory/memory.limit_in_bytes': '1073741824\n',
    });
    expect(containerLimits(root)).toEqual({ cpus: 0.5, memoryBytes: GIB, source: 'cgroup v1' });
  });

  it('finds controllers that are mounted together, and the limits of groups above', () => {
    v1('/pods/own', {
      'cpu,cpuacct/pods/own/cpu.cfs_quota_us': '-1\n',
      'cpu,cpuacct/pods/own/cpu.cfs_period_us': '100000\n',
      'cpu,cpuacct/pods/cpu.cfs_quota_us': '20000\n',
      'cpu,cpuacct/pods/cpu.cfs_period_us': '100000\n',
      'memory/pods/own/memory.limit_in_bytes': V1_NONE,
      'memory/pods/memory.limit_in_bytes': '1073741824\n',
    });
    expect(containerLimits(root)).toEqual({ cpus: 0.2, memoryBytes: GIB, source: 'cgroup v1' });
  });

  it('a path of the host falls back to the root of the mount', () => {
    v1('/docker/0123', { 'memory/memory.limit_in_bytes': '1073741824\n' });
    expect(containerLimits(root).memoryBytes).toBe(GIB);
  });

  it('no limit is no limit', () => {
    v1('/', {
      'cpu/cpu.cfs_quota_us': '-1\n',
      'cpu/cpu.cfs_period_us': '100000\n',
      'memory/memory.limit_in_bytes': V1_NONE,
    });
    expect(containerLimits(root)).toEqual(HOST);
  });
});

test('without control groups the host counts', () => {
  expect(containerLimits(root)).toEqual(HOST);
  expect(oomKills(root)).toBeUndefined();
});

test.each(['', 'max', '-1', '0', '1e9', 'NaN', '12 apples', '0x10', '\0', '99999999999999999999999'])(
  'odd content counts as no limit: %j',
  (odd) => {
    v2('/own', { 'own/cpu.max': `${odd} 100000`, 'cpu.max': `100000 ${odd}`, 'own/memory.max': odd });
    expect(containerLimits(root)).toEqual(HOST);
    v2('/own', { 'own/cpu.max': odd });
    expect(containerLimits(root)).toEqual(HOST);
  },
);

test('a folder where a file is expected counts as no limit', () => {
  files({ 'sys/fs/cgroup/cgroup.controllers': '', 'sys/fs/cgroup/cpu.max/x': '', 'sys/fs/cgroup/memory.max/x': '' });
  files({ 'proc/self/cgroup/x': '', 'proc/vmstat/x': '' });
  expect(containerLimits(root)).toEqual(HOST);
  expect(oomKills(root)).toBeUndefined();
});

test('this machine has limits that make sense', () => {
  const limits = containerLimits();
  expect(limits.cpus).toBeGreaterThan(0);
  expect(limits.cpus).toBeLessThanOrEqual(os.availableParallelism());
  expect(workersFor(limits)).toBeGreaterThanOrEqual(1);
});

test.each([
  [8, undefined, 8],
  [2.5, undefined, 3],
  [2.4, undefined, 2],
  [1.5, undefined, 2],
  [0.5, undefined, 1],
  [0.1, undefined, 1],
  [8, 16 * GIB, 8],
  [8, GIB, 7],
  [8, GIB - 1, 6],
  [8, GIB / 4, 1],
  [8, GIB / 16, 1],
])('%p CPUs with %p bytes have room for %p workers', (cpus, memoryBytes, workers) => {
  expect(workersFor({ cpus, memoryBytes, source: 'host' })).toBe(workers);
});

describe('the count of processes that were killed for want of memory', () => {
  const vmstat = { 'proc/vmstat': 'nr_free_pages 7\noom_kill 9\n' };

  it('is that of the own group, not of those above it', () => {
    v2('/own', { 'own/memory.events': 'low 0\noom 5\noom_kill 3\noom_group_kill 1\n', 'memory.events': 'oom_kill 4\n' });
    files(vmstat);
    expect(oomKills(root)).toBe(3);
  });

  it('is that of the mount, where a container does not see its path', () => {
    v2('/docker/0123', { 'memory.events': 'oom_kill 4\n' });
    expect(oomKills(root)).toBe(4);
  });

  it('is found in version 1', () => {
    v1('/own', { 'memory/own/memory.oom_control': 'oom_kill_disable 0\nunder_oom 0\noom_kill 2\n' });
    files(vmstat);
    expect(oomKills(root)).toBe(2);
  });

  it('is that of the host where a group has none', () => {
    v2('/', {});
    files(vmstat);
    expect(oomKills(root)).toBe(9);
  });
});
