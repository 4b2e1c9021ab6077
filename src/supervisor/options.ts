// The options of startCluster, each declared once.

import { existsSync } from 'node:fs';
import os from 'node:os';
import { resolve } from 'node:path';
import { TrunklineError } from '../errors';
import { defaultLogger, type Logger } from '../logger';

export interface SupervisorOptions {
  /** The program of the workers: CommonJS or ESM. */
  app: string;
  /** The program that runs once, beside the workers, and leads every channel. Default: none, the workers compete. */
  agent?: string | undefined;
  /** How many workers. Default: the number of CPUs. */
  workers?: number | undefined;
  /** The cluster port of the shared clients. Default: NODE_CLUSTER_CLIENT_PORT, or a free port. */
  clusterPort?: number | undefined;
  /** How long a child may take until it is ready, ms. Default 60000. */
  startTimeout?: number | undefined;
  /** How long a stop may take before what is left is killed, ms. Default 5000. */
  stopTimeout?: number | undefined;
  /** How long a replaced worker may take to finish its requests at a reload, ms. Default 30000. */
  reloadTimeout?: number | undefined;
  /** How connections are spread over the workers, as in node:cluster. Default `rr`. */
  scheduling?: 'rr' | 'none' | undefined;
  /** More environment for the children. */
  env?: Record<string, string> | undefined;
  /** Where log lines go. Default: warnings and errors on the console. */
  logger?: Logger | undefined;
}

export interface ResolvedSupervisorOptions {
  /** Absolute path. */
  readonly app: string;
  readonly agent: string | undefined;
  readonly workers: number;
  readonly clusterPort: number | undefined;
  readonly startTimeoutMs: number;
  readonly stopTimeoutMs: number;
  readonly reloadTimeoutMs: number;
  readonly scheduling: 'rr' | 'none';
  /** All of it. */
  readonly env: NodeJS.ProcessEnv;
  readonly logger: Logger;
}

/** @throws TrunklineError ERR_TRUNKLINE_OPTION_INVALID */
export function resolveSupervisorOptions(
  given: SupervisorOptions,
  env: NodeJS.ProcessEnv = process.env,
): ResolvedSupervisorOptions {
  const fromEnv = env.NODE_CLUSTER_CLIENT_PORT === undefined ? undefined : Number(env.NODE_CLUSTER_CLIENT_PORT);
  return {
    app: file('app', given.app),
    agent: given.agent === undefined ? undefined : file('agent', given.agent),
    workers: whole('workers', given.workers ?? os.availableParallelism(), 1, 1024),
    clusterPort: optionalPort(given.clusterPort ?? fromEnv),
    startTimeoutMs: whole('startTimeout', given.startTimeout ?? 60_000, 1, 2 ** 31 - 1),
    stopTimeoutMs: whole('stopTimeout', given.stopTimeout ?? 5_000, 1, 2 ** 31 - 1),
    reloadTimeoutMs: whole('reloadTimeout', given.reloadTimeout ?? 30_000, 1, 2 ** 31 - 1),
    scheduling: scheduling(given.scheduling ?? 'rr'),
    env: { ...env, ...given.env },
    logger: given.logger ?? defaultLogger,
  };
}

function scheduling(given: unknown): 'rr' | 'none' {
  if (given === 'rr' || given === 'none') return given;
  throw invalid('scheduling', "'rr' or 'none'", given);
}

function file(option: string, given: unknown): string {
  if (typeof given !== 'string' || given === '') throw invalid(option, 'the path of a file', given);
  const path = resolve(given);
  if (!existsSync(path)) throw invalid(option, 'the path of a file that exists', path);
  return path;
}

function whole(option: string, given: unknown, min: number, max: number): number {
  if (Number.isInteger(given) && (given as number) >= min && (given as number) <= max) return given as number;
  throw invalid(option, `a whole number from ${min} to ${max}`, given);
}

function optionalPort(given: unknown): number | undefined {
  return given === undefined ? undefined : whole('clusterPort', given, 1, 65535);
}

function invalid(option: string, mustBe: string, given: unknown): TrunklineError {
  const shown = typeof given === 'string' ? JSON.stringify(given) : String(given);
  return new TrunklineError('ERR_TRUNKLINE_OPTION_INVALID', `startCluster: option ${option} must be ${mustBe}, but is ${shown}`, {
    option,
  });
}
