// The servers of the engines, each a new process on free ports, and what Linux says of the process: processor time and memory.

import { execFileSync, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import type { FleetMemberSetup } from '../../test/fixtures/fleet-member';
import { Etcd } from '../../test/support/etcd';
import { RedisServer } from '../../test/support/redis';

export const ENGINE_NAMES = ['redis', 'etcd-grpc', 'etcd-gateway'] as const;
export type EngineName = (typeof ENGINE_NAMES)[number];

/** How a process opens the engine: a module of src/fleet, a function there, and the options of the function. */
export type EngineSetup = FleetMemberSetup['engine'];

export interface EngineServer {
  readonly setup: EngineSetup;
  readonly url: string;
  readonly pid: number;
  stop(): Promise<void>;
}

export async function startEngine(name: EngineName): Promise<EngineServer> {
  if (name === 'redis') {
    const server = await RedisServer.start(undefined, ['--appendonly', 'yes']);
    const { url, pid } = server;
    return { setup: { module: 'redis', make: 'redisEngine', options: { url } }, url, pid, stop: () => server.stop() };
  }
  const etcd = await Etcd.start();
  const { url, pid } = etcd;
  const options = { endpoints: url, over: name === 'etcd-grpc' ? 'grpc' : 'gateway' };
  return { setup: { module: 'etcd', make: 'etcdEngine', options }, url, pid, stop: () => etcd.stop() };
}

/** @returns the version in the words of the program; undefined: not installed */
export function versionOf(name: EngineName): string | undefined {
  const command = name === 'redis' ? 'redis-server' : 'etcd';
  const { status, stdout } = spawnSync(command, ['--version'], { encoding: 'utf8' });
  if (status !== 0) return undefined;
  return `${command} ${/\d+\.\d+\.\d+/.exec(stdout)?.[0] ?? 'of unknown version'}`;
}

let ticksPerSecond: number | undefined;

/** Processor time of all threads of a process until now, ms, in steps of a clock tick (10 ms on most systems). */
export function cpuMsOf(pid: number): number {
  ticksPerSecond ??= Number(execFileSync('getconf', ['CLK_TCK'], { encoding: 'utf8' }));
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  // The name of the program may hold spaces and parentheses: fields are counted from the last parenthesis.
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  return ((Number(fields[11]) + Number(fields[12])) * 1_000) / ticksPerSecond;
}

/** Resident memory of a process, KB. */
export function residentKbOf(pid: number): number {
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}
