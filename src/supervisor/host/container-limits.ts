// How much CPU and memory the container allows, and how many processes the kernel has killed for want of memory. Read from the
// control groups of Linux, versions 1 and 2; elsewhere, and for unreadable values, there is no limit.

import { existsSync, readFileSync } from 'node:fs';
import os from 'node:os';
import { join, posix } from 'node:path';
import { fact } from '../../facts';

export interface ContainerLimits {
  /** May be a fraction. */
  readonly cpus: number;
  /** undefined: no limit. */
  readonly memoryBytes: number | undefined;
  /** What has set a limit; `host` when nothing did. */
  readonly source: 'cgroup v2' | 'cgroup v1' | 'host';
}

/** A process of Node.js with an application seldom needs less. */
const PROCESS_BYTES = 128 * 1024 * 1024;
/** Version 1 says "no limit" with the largest number of pages. No machine has that much. */
const NO_LIMIT_BYTES = 2 ** 60;

/** @param root where `/proc` and `/sys` are looked for */
export function containerLimits(root = '/'): ContainerLimits {
  const hostCpus = fact(() => os.availableParallelism()) ?? 1;
  const groups = controlGroups(root);
  const cpus = smallest(groups.cpu.map(groups.version === 2 ? quotaOfV2 : quotaOfV1));
  const memoryBytes = smallest(groups.memory.map(groups.version === 2 ? memoryOfV2 : memoryOfV1));
  const isLimited = cpus !== undefined || memoryBytes !== undefined;
  return { cpus: Math.min(cpus ?? hostCpus, hostCpus), memoryBytes, source: isLimited ? `cgroup v${groups.version}` : 'host' };
}

/** The number of workers for which the limits have room, at least 1. */
export function workersFor({ cpus, memoryBytes }: ContainerLimits): number {
  const byCpu = Math.round(cpus);
  // The master and the agent together need about as much as a worker.
  const byMemory = memoryBytes === undefined ? Infinity : Math.floor(memoryBytes / PROCESS_BYTES) - 1;
  return Math.max(1, Math.min(byCpu, byMemory));
}

/**
 * How many processes the kernel has killed for want of memory: in the control group of this process, or else on the host. Only
 * growth means something. undefined: not known.
 */
export function oomKills(root = '/'): number | undefined {
  const { version, memory } = controlGroups(root);
  // The nearest group that exists is the group of this process.
  const own = memory.find((folder) => existsSync(folder));
  const ofGroup = own === undefined ? undefined : counter(join(own, version === 2 ? 'memory.events' : 'memory.oom_control'));
  return ofGroup ?? counter(join(root, 'proc/vmstat'));
}

interface ControlGroups {
  readonly version: 1 | 2;
  /** Folders of the group of this process and of all enclosing groups, innermost first. Some may not exist. */
  readonly cpu: readonly string[];
  readonly memory: readonly string[];
}

function controlGroups(root: string): ControlGroups {
  const mount = join(root, 'sys/fs/cgroup');
  // Lines of the form `4:cpu,cpuacct:/path`, or `0::/path` for version 2.
  const lines = (read(join(root, 'proc/self/cgroup')) ?? '').split('\n').map((line) => /^\d+:([^:]*):(\/.*)$/.exec(line));
  if (existsSync(join(mount, 'cgroup.controllers'))) {
    const folders = upwards(mount, lines.find((line) => line?.[1] === '')?.[2]);
    return { version: 2, cpu: folders, memory: folders };
  }
  const ofController = (name: string): string[] => {
    const line = lines.find((each) => each?.[1]!.split(',').includes(name));
    // Controllers that are mounted together have a common folder, to which each name usually is a link.
    const folder = [name, line?.[1] ?? name].map((each) => join(mount, each)).find((each) => existsSync(each));
    return folder === undefined ? [] : upwards(folder, line?.[2]);
  };
  return { version: 1, cpu: ofController('cpu'), memory: ofController('memory') };
}

/**
 * From the group up to the mount. A container may see the group as the root of the mount while the path is still the path on the
 * host: then the mount is the first of these folders that exists.
 */
function upwards(mount: string, path = '/'): string[] {
  const folders: string[] = [];
  // In an absolute path, `..` at the beginning is gone: groups above the mount are not visible here.
  for (let group = posix.normalize(path); group !== '/'; group = posix.dirname(group)) folders.push(join(mount, group));
  return [...folders, mount];
}

function quotaOfV2(folder: string): number | undefined {
  const [, quota, period] = /^(\d+) (\d+)$/.exec(read(join(folder, 'cpu.max'))?.trim() ?? '') ?? [];
  return quotient(quota, period);
}

function quotaOfV1(folder: string): number | undefined {
  return quotient(read(join(folder, 'cpu.cfs_quota_us')), read(join(folder, 'cpu.cfs_period_us')));
}

function memoryOfV2(folder: string): number | undefined {
  return bytes(read(join(folder, 'memory.max')));
}

function memoryOfV1(folder: string): number | undefined {
  return bytes(read(join(folder, 'memory.limit_in_bytes')));
}

function bytes(text: string | undefined): number | undefined {
  const value = positive(text);
  return value !== undefined && value < NO_LIMIT_BYTES ? value : undefined;
}

function quotient(quota: string | undefined, period: string | undefined): number | undefined {
  const [over, under] = [positive(quota), positive(period)];
  return over === undefined || under === undefined ? undefined : over / under;
}

/** `max`, `-1` and anything else that is no number are no limit. */
function positive(text: string | undefined): number | undefined {
  const trimmed = text?.trim() ?? '';
  return /^\d{1,20}$/.test(trimmed) && Number(trimmed) > 0 ? Number(trimmed) : undefined;
}

function smallest(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length > 0 ? Math.min(...known) : undefined;
}

function counter(file: string): number | undefined {
  const line = /^oom_kill (\d+)$/m.exec(read(file) ?? '');
  return line ? Number(line[1]) : undefined;
}

/** A file that is not there, or not for us, says nothing. */
function read(file: string): string | undefined {
  return fact(() => readFileSync(file, 'utf8'));
}
