// The facts on which the figures of a run depend, in a line.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { cpus } from 'node:os';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly platform: string;
  readonly node: string;
  readonly versions: Readonly<Record<string, string>>;
}

/** @param node the program that runs the measured processes */
export function describeMachine(node: string): Machine {
  const cores = cpus();
  return {
    cpu: cores[0]?.model.trim() ?? 'unknown CPU',
    cores: cores.length,
    platform: `${process.platform} ${process.arch}`,
    node: execFileSync(node, ['-p', 'process.version'], { encoding: 'utf8' }).trim(),
    versions: { trunkline: versionOf('trunkline'), 'cluster-client': versionOf('cluster-client') },
  };
}

export function machineLine({ cpu, cores, platform, node, versions }: Machine): string {
  const packages = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return [`${cpu}, ${cores} cores`, platform, `Node.js ${node}`, ...packages].join('; ');
}

function versionOf(packageName: string): string {
  const path = createRequire(__filename).resolve(`${packageName}/package.json`);
  return (JSON.parse(readFileSync(path, 'utf8')) as { version: string }).version;
}
