// The options of startCluster, each declared once; with the CLI the only place of the supervisor that reads the environment.

import { resolve } from 'node:path';
import { temporaryFolder } from '../../facts';
import { defaultLogger, type Logger } from '../../logger';
import { LONGEST_TIMER_MS } from '../../time';
import { pathAsGiven, workingFolder } from '../../path-as-given';
import { consoleLogger } from './console-logger';
import { findFramework } from './framework';
import { mention, OptionError } from './option-error';
import { resolveModule } from './resolve-module';
import { containerLimits, workersFor } from './container-limits';
import type { SlotStatus } from '../master/slot';
import {
  asNumber,
  file,
  flag,
  folder,
  invalid,
  oneOf,
  optionalBytes,
  optionalFunction,
  optionalLogger,
  optionalTable,
  optionalText,
  optionalTexts,
  optionalWhole,
  text,
  variableName,
  whole,
} from './option-checks';

interface CommonOptions {
  /** Where the application is; relative paths begin there. Default: the working directory. */
  baseDir?: string | undefined;
  /** How many workers, also as text. Default: what CPUs and memory of the machine or container allow. */
  workers?: number | string | undefined;
  /** The port of the application, also as text; children find the port in PORT. Default: the programs decide. Needed for `sticky`. */
  port?: number | string | null | undefined;
  /** Each client address goes to a fixed worker. With `header` (e.g. `x-forwarded-for`) the address that a proxy tells counts. */
  sticky?: boolean | { readonly header: string } | undefined;
  /** Children as processes, or as threads of this process. Default `process`. */
  startMode?: 'process' | 'worker_threads' | undefined;
  /**
   * `worker_threads` only: the port of each worker, in place of `workers`. Default: `port`, and a single worker, if `port` is
   * given.
   */
  ports?: readonly number[] | undefined;
  /** Modules to load in each child before the program, as for `node --require`. */
  require?: string | readonly string[] | undefined;
  /** Arguments of node for the children, e.g. `--max-old-space-size=512`. Default: the arguments of this process. */
  nodeArgs?: readonly string[] | undefined;
  /** The name of the environment; children find the name in EGG_SERVER_ENV. Default: EGG_SERVER_ENV. */
  env?: string | undefined;
  /** More environment variables for the children. */
  environment?: Readonly<Record<string, string>> | undefined;
  /** The environment variable in which a worker finds its number, from 0 on. Default `NODE_APP_INSTANCE`. */
  instanceVariable?: string | undefined;
  /**
   * The process title of the master; each child gets the title with the name of the child. Default, and with a framework:
   * untouched.
   */
  title?: string | undefined;
  /** A file that holds the process id of the master while the master runs. Default: none. */
  pidFile?: string | undefined;
  /** The cluster port of the shared clients. Default: NODE_CLUSTER_CLIENT_PORT, or a free port. */
  clusterPort?: number | undefined;
  /** How long a child may take to become ready, ms. Default 60000. */
  startTimeout?: number | undefined;
  /**
   * How long a stop may take before the rest is killed, ms; the agent has a fifth of this time. Default 5000, or
   * EGG_APP_CLOSE_TIMEOUT for the workers and EGG_AGENT_CLOSE_TIMEOUT for the agent, or EGG_MASTER_CLOSE_TIMEOUT for each.
   */
  stopTimeout?: number | undefined;
  /** How long a replaced worker may take to finish requests at a reload, ms. Default 30000. */
  reloadTimeout?: number | undefined;
  /** A child whose event loop does not turn for this long is replaced, ms; 0: never. Default 30000. */
  blockedTimeout?: number | undefined;
  /** Where stack and profile of a blocked child are kept. Default: the folder for temporary files. */
  profileDir?: string | undefined;
  /** Whether children keep their compiled code in a folder of this user, for the next start (Node.js 22.1 and later). Default true. */
  compileCache?: boolean | undefined;
  /** A worker above this is replaced without losing requests, one worker at a time. Bytes, or as `300MB`. Default: none. */
  maxMemory?: number | string | undefined;
  /** A child above this is killed and replaced at once. Bytes, or as `500MB`. Default: none. */
  hardMaxMemory?: number | string | undefined;
  /** How connections are spread over the workers, as in node:cluster. Default `rr`. */
  scheduling?: 'rr' | 'none' | undefined;
  /** Called when a process has started, is ready, or has ended; also during the start. */
  onChange?: ((status: readonly SlotStatus[]) => void) | undefined;
  /** Where log lines go. Default: the console; warnings and errors, with a framework all from EGG_MASTER_LOGGER_LEVEL up. */
  logger?: Logger | undefined;
}

/** An application of ordinary programs. */
export interface ProgramOptions extends CommonOptions {
  /** The program of the workers: CommonJS or ESM. */
  app: string;
  /** The program that runs once, beside the workers, and leads every channel. Default: none, the workers compete. */
  agent?: string | undefined;
  /** Arguments for both programs, in `process.argv` from the third element on. Default: none. */
  args?: readonly string[] | undefined;
}

/** An application of a framework: a package that exports the classes `Agent` and `Application`, as egg does. */
export interface FrameworkOptions extends CommonOptions {
  app?: undefined;
  agent?: undefined;
  /** Name or folder of the framework. Default: `egg.framework` of the application's package.json, or `egg`. */
  framework?: string | undefined;
  /** Files of key and certificate. */
  https?: { readonly key: string; readonly cert: string; readonly ca?: string | undefined } | boolean | undefined;
  /** Another port for HTTP beside HTTPS. */
  debugPort?: number | undefined;
  /** Each worker binds the port directly, with SO_REUSEPORT (Node.js 22.23 and later, not on every system). Default false. */
  reusePort?: boolean | undefined;
  /** Everything else is for Agent and Application, untouched. */
  [option: string]: unknown;
}

export type SupervisorOptions = ProgramOptions | FrameworkOptions;

/** Options of an application of programs; an application of a framework may have any other options. */
const PROGRAM_OPTIONS: Readonly<Record<keyof ProgramOptions, true>> = {
  ...{ baseDir: true, workers: true, port: true, sticky: true, startMode: true, ports: true, require: true, nodeArgs: true },
  ...{
    env: true,
    environment: true,
    instanceVariable: true,
    title: true,
    pidFile: true,
    clusterPort: true,
    startTimeout: true,
    stopTimeout: true,
  },
  ...{
    reloadTimeout: true,
    blockedTimeout: true,
    profileDir: true,
    compileCache: true,
    maxMemory: true,
    hardMaxMemory: true,
    scheduling: true,
  },
  ...{ onChange: true, logger: true, app: true, agent: true, args: true },
};

export type Programs =
  | {
      readonly kind: 'files';
      readonly app: string;
      readonly agent: string | undefined;
      readonly args?: readonly string[] | undefined;
    }
  | { readonly kind: 'framework'; readonly path: string; readonly options: Readonly<Record<string, unknown>> };

export interface ResolvedSupervisorOptions {
  readonly programs: Programs;
  /** Absolute path. */
  readonly baseDir: string;
  readonly workers: number;
  readonly port: number | undefined;
  readonly sticky: { readonly header: string | undefined } | undefined;
  readonly startMode: 'process' | 'worker_threads';
  readonly ports: readonly number[];
  /** Modules, as resolved from `baseDir`. */
  readonly require: readonly string[];
  /** The working folder of the master, as the shell has entered the folder. */
  readonly workingFolder: string;
  readonly nodeArgs: readonly string[];
  readonly instanceVariable: string;
  readonly title: string | undefined;
  readonly pidFile: string | undefined;
  readonly clusterPort: number | undefined;
  readonly startTimeoutMs: number;
  /** The whole of a stop. */
  readonly stopTimeoutMs: number;
  /** The workers' part of the time. */
  readonly workersStopMs: number;
  readonly reloadTimeoutMs: number;
  readonly blockedTimeoutMs: number;
  readonly profileDir: string;
  readonly compileCache: boolean;
  readonly maxMemoryBytes: number | undefined;
  readonly hardMaxMemoryBytes: number | undefined;
  readonly scheduling: 'rr' | 'none';
  readonly onChange: (status: readonly SlotStatus[]) => void;
  /** EGG_AGENT_DEBUG_PORT */
  readonly agentInspectPort: number | undefined;
  /** The whole environment. */
  readonly env: NodeJS.ProcessEnv;
  readonly logger: Logger;
}

/** The share of a stop that belongs to the workers where there is an agent. */
const WORKERS_SHARE = 0.8;
/** The most workers of an application. */
export const MAX_WORKERS = 1024;

/** @throws TrunklineError ERR_TRUNKLINE_OPTION_INVALID */
export function resolveSupervisorOptions(
  options: SupervisorOptions,
  env: NodeJS.ProcessEnv = process.env,
): ResolvedSupervisorOptions {
  if (typeof options !== 'object') throw invalid('app', 'given as startCluster({ app })', options);
  // egg's launchers give null for what is not set.
  const given = Object.fromEntries(Object.entries(options).filter(([, value]) => value !== null)) as unknown as SupervisorOptions;
  const baseDir = folder('baseDir', pathAsGiven(text('baseDir', given.baseDir ?? '.'), env.PWD));
  const startMode = oneOf('startMode', given.startMode ?? 'process', ['process', 'worker_threads'] as const);
  const port = optionalWhole('port', asNumber(given.port), 0, 65535);
  const ports = startMode === 'process' ? [] : portsOf(given, port);
  const sticky = stickyOf(given.sticky, port, startMode);
  const environmentName = given.env ?? env.EGG_SERVER_ENV;
  if (environmentName !== undefined && typeof environmentName !== 'string')
    throw invalid('env', 'a name (variables go into `environment`)', environmentName);
  const fromEnv = env.NODE_CLUSTER_CLIENT_PORT === undefined ? undefined : Number(env.NODE_CLUSTER_CLIENT_PORT);
  const workers =
    ports.length > 0 ? ports.length : whole('workers', asNumber(given.workers) ?? workersFor(containerLimits()), 1, MAX_WORKERS);
  const resolved = {
    baseDir,
    workers,
    port,
    sticky,
    startMode,
    ports,
    require: [given.require ?? []].flat().map((name) => checkModule(name, baseDir)),
    workingFolder: workingFolder(env.PWD),
    nodeArgs: optionalTexts('nodeArgs', given.nodeArgs) ?? (startMode === 'process' ? withoutCode(process.execArgv) : []),
    instanceVariable: variableName('instanceVariable', given.instanceVariable ?? 'NODE_APP_INSTANCE'),
    title: optionalText('title', given.title),
    pidFile: given.pidFile === undefined ? undefined : resolve(baseDir, text('pidFile', given.pidFile)),
    clusterPort: optionalWhole('clusterPort', asNumber(given.clusterPort) ?? fromEnv, 1, 65535),
    startTimeoutMs: whole('startTimeout', asNumber(given.startTimeout) ?? 60_000, 1, LONGEST_TIMER_MS),
    ...stopTimes(given, env),
    reloadTimeoutMs: whole('reloadTimeout', asNumber(given.reloadTimeout) ?? 30_000, 1, LONGEST_TIMER_MS),
    blockedTimeoutMs: whole('blockedTimeout', asNumber(given.blockedTimeout) ?? 30_000, 0, LONGEST_TIMER_MS),
    profileDir: given.profileDir === undefined ? temporaryFolder() : folder('profileDir', resolve(baseDir, given.profileDir)),
    compileCache: flag('compileCache', given.compileCache ?? true),
    maxMemoryBytes: optionalBytes('maxMemory', given.maxMemory),
    hardMaxMemoryBytes: optionalBytes('hardMaxMemory', given.hardMaxMemory),
    scheduling: oneOf('scheduling', given.scheduling ?? 'rr', ['rr', 'none'] as const),
    onChange: optionalFunction('onChange', given.onChange) ?? (() => undefined),
    agentInspectPort: optionalWhole('EGG_AGENT_DEBUG_PORT', asNumber(env.EGG_AGENT_DEBUG_PORT), 1, 65535),
    env: {
      ...env,
      ...(environmentName !== undefined && { EGG_SERVER_ENV: environmentName }),
      ...(port !== undefined && { PORT: String(port) }),
      // As in egg-cluster: packages of that time would write warnings to stderr.
      ...(given.app === undefined && env.NODE_ENV === 'production' && { NO_DEPRECATION: '*' }),
      ...optionalTable('environment', given.environment),
    },
    logger:
      optionalLogger(given.logger) ?? (given.app === undefined ? consoleLogger(env.EGG_MASTER_LOGGER_LEVEL) : defaultLogger),
  };
  return { ...resolved, programs: programsOf(given, resolved, environmentName) };
}

/** @throws TrunklineError ERR_TRUNKLINE_OPTION_INVALID */
export function checkWorkers(given: unknown, { ports }: Pick<ResolvedSupervisorOptions, 'ports'>): number {
  return whole('workers', given, 1, ports.length > 0 ? ports.length : MAX_WORKERS);
}

function programsOf(
  given: SupervisorOptions,
  resolved: Omit<ResolvedSupervisorOptions, 'programs'>,
  env: string | undefined,
): Programs {
  const { baseDir, workers, port, startMode, ports, require, logger } = resolved;
  if (given.app !== undefined) {
    const unknown = Object.keys(given).filter((name) => !Object.hasOwn(PROGRAM_OPTIONS, name));
    if (unknown.length > 0) logger.warn(`startCluster: unknown options are ignored: ${unknown.join(', ')}`);
    const app = file('app', given.app, baseDir);
    const agent = given.agent === undefined ? undefined : file('agent', given.agent, baseDir);
    for (const [option, path] of Object.entries({ app, agent })) checkLanguage(option, path, resolved);
    return { kind: 'files', app, agent, args: optionalTexts('args', given.args) };
  }
  if (given.agent !== undefined) throw invalid('app', 'given where `agent` is', undefined);
  const { framework, customEgg, ...rest } = given as FrameworkOptions & { customEgg?: string };
  for (const ours of ['logger', 'onChange']) delete rest[ours]; // options of this process alone
  const path = findFramework(baseDir, framework ?? customEgg);
  const https = httpsFiles(given, baseDir);
  const httpsPort = https === undefined ? undefined : 8443;
  // The names and defaults that Agent and Application have always been given.
  const options = {
    plugins: null,
    reusePort: false,
    ...rest,
    framework: path,
    baseDir,
    workers,
    port: port ?? httpsPort,
    https: https ?? false,
    startMode,
    ports,
    env: env ?? null,
    ...(require.length > 0 && { require: require.map((name) => resolveModule(name, baseDir)) }),
  };
  return { kind: 'framework', path, options };
}

/** TypeScript needs a Node.js that strips types, or a module that is loaded before the program and compiles TypeScript. */
function checkLanguage(
  option: string,
  path: string | undefined,
  { env, nodeArgs, require }: Pick<ResolvedSupervisorOptions, 'env' | 'nodeArgs' | 'require'>,
): void {
  if (path === undefined || !/\.[cm]?tsx?$/.test(path)) return;
  const canStrip = !path.endsWith('x') && Boolean((process.features as { typescript?: unknown }).typescript);
  const args = [...process.execArgv, ...nodeArgs, ...(env.NODE_OPTIONS ?? '').split(/\s+/)];
  const hasLoader = args.some((arg) =>
    /^(-r|--(require|import|(experimental-)?loader|experimental-(strip|transform)-types))\b/.test(arg),
  );
  if (canStrip || hasLoader || require.length > 0) return;
  throw new OptionError(option, [
    mention(option, 'subject'),
    ` is TypeScript (${path}), which Node.js ${process.versions.node} does not run by itself: `,
    'use Node.js 22.18 or newer, compile it, or load a compiler with ',
    mention('nodeArgs'),
    ', as in --import tsx',
  ]);
}

/** Threads cannot share a listening socket: each thread has a separate port, unless threads bind a port with SO_REUSEPORT. */
function portsOf({ ports, reusePort }: SupervisorOptions & { reusePort?: unknown }, port: number | undefined): number[] {
  if (ports !== undefined && ports.length > 0) return ports.map((each) => whole('ports', each, 0, 65535));
  return port === undefined || reusePort === true ? [] : [port];
}

function stickyOf(given: unknown, port: number | undefined, startMode: string): { header: string | undefined } | undefined {
  if (given === undefined || given === false) return undefined;
  if (startMode === 'worker_threads')
    throw invalid('sticky', 'off with worker_threads: connections cannot be handed to a thread', given);
  const header = typeof given === 'object' ? (given as { header?: unknown }).header : undefined;
  if (given !== true && typeof header !== 'string') throw invalid('sticky', 'true, false or { header }', given);
  if (port === undefined) throw new OptionError('port', [mention('sticky', 'subject'), ' needs ', mention('port')]);
  return { header: header === undefined ? undefined : (header as string).toLowerCase() };
}

function stopTimes(given: SupervisorOptions, env: NodeJS.ProcessEnv): { stopTimeoutMs: number; workersStopMs: number } {
  const eachMs = asNumber(env.EGG_MASTER_CLOSE_TIMEOUT);
  const appMs = optionalWhole('EGG_APP_CLOSE_TIMEOUT', asNumber(env.EGG_APP_CLOSE_TIMEOUT) ?? eachMs, 1, LONGEST_TIMER_MS / 2);
  const agentMs = optionalWhole(
    'EGG_AGENT_CLOSE_TIMEOUT',
    asNumber(env.EGG_AGENT_CLOSE_TIMEOUT) ?? eachMs,
    1,
    LONGEST_TIMER_MS / 2,
  );
  if (given.stopTimeout !== undefined || (appMs === undefined && agentMs === undefined)) {
    const stopTimeoutMs = whole('stopTimeout', asNumber(given.stopTimeout) ?? 5_000, 1, LONGEST_TIMER_MS);
    const hasAgent = given.app === undefined || given.agent !== undefined;
    return { stopTimeoutMs, workersStopMs: hasAgent ? stopTimeoutMs * WORKERS_SHARE : stopTimeoutMs };
  }
  const workersStopMs = appMs ?? 5_000;
  return { stopTimeoutMs: workersStopMs + (agentMs ?? 5_000), workersStopMs };
}

function httpsFiles(
  { https, key, cert }: FrameworkOptions,
  baseDir: string,
): { key: string; cert: string; ca?: string } | undefined {
  if (https === undefined || https === false) return undefined;
  const given = (https === true ? { key, cert } : https) as { key?: unknown; cert?: unknown; ca?: unknown };
  return {
    key: file('https.key', given.key, baseDir),
    cert: file('https.cert', given.cert, baseDir),
    ...(given.ca !== undefined && { ca: file('https.ca', given.ca, baseDir) }),
  };
}

/** @returns the name: each child resolves the name anew, because the next release may have the module elsewhere */
function checkModule(name: string, baseDir: string): string {
  try {
    resolveModule(name, baseDir);
    return name;
  } catch {
    throw invalid('require', `a module that can be found from ${baseDir}`, name);
  }
}

/** `node -e CODE` would run the code in each child again. */
function withoutCode(nodeArgs: readonly string[]): string[] {
  const isCode = (arg: string | undefined): boolean => /^(-e|-p|-pe|--eval|--print)(=|$)/.test(arg ?? '');
  return nodeArgs.filter((arg, i) => !isCode(arg) && !(isCode(nodeArgs[i - 1]) && !nodeArgs[i - 1]!.includes('=')));
}
