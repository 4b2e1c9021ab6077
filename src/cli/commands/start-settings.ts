// What a start is told: by flags, by the environment, and by a configuration file.

import { resolve } from 'node:path';
import { OptionError } from '../../supervisor/host/option-error';
import { resolveSupervisorOptions, type ResolvedSupervisorOptions } from '../../supervisor/host/options';
import { CommandFailure } from '../command-failure';
import { OVERRULED_BY, type ConfiguredApplication } from '../configuration/applications';
import { checkSchedule } from '../upkeep/schedule';
import type { UpkeepSettings } from '../upkeep/upkeep';
import { parseBytes } from '../../supervisor/host/bytes';
import { MAX_KEEP, type Period, type Rotation } from '../logs/rotating-log';
import { asFlag, number, supervisorOptions, type StartFlags } from './settings';

/** The resolved options of a start, without what only the process of the master can give. */
export type StartOptions = Omit<ResolvedSupervisorOptions, 'logger' | 'onChange'>;

/** What a start is told, from all sources. */
export interface StartSettings {
  readonly options: StartOptions;
  readonly title: string | undefined;
  readonly pidFile: string | undefined;
  readonly stdout: string | undefined;
  readonly stderr: string | undefined;
  readonly upkeep: UpkeepSettings;
  /** The port of the dashboard. */
  readonly dashboard: number | undefined;
  /** undefined: every process writes into the logs itself. */
  readonly rotation: Rotation | undefined;
  /** The configuration file. */
  readonly configuration: string | undefined;
}

/**
 * Resolves the options of a start, once; a daemon is given the outcome. A flag counts more than the environment, and the environment
 * more than the configuration.
 * @param folder the folder of the application, unless a flag or the configuration says otherwise
 * @throws CommandFailure that names the flag, or the place in the configuration
 */
export function resolveStart(
  app: string | undefined,
  flags: StartFlags,
  folder: string,
  configured: ConfiguredApplication | undefined,
  env: NodeJS.ProcessEnv,
): StartSettings {
  const fromFlags = supervisorOptions(app, { ...flags, baseDir: flags.baseDir ?? folder }, configured?.given.app !== undefined);
  const { given, title, ofCommand } = configured
    ? partsOf(configured, { ...fromFlags, isMax: flags.workers === 'max' }, env)
    : NOTHING;
  const baseDir = flags.baseDir ?? resolve(configured?.folder ?? folder, ofCommand.baseDir ?? '.');
  const path = (key: 'pidFile' | 'stderr' | 'stdout'): string | undefined =>
    flags[key] ?? (ofCommand[key] === undefined ? undefined : resolve(baseDir, ofCommand[key]));
  const options = { ...given, ...(title !== undefined && { title }), ...fromFlags, baseDir };
  const files = { pidFile: path('pidFile'), stdout: path('stdout'), stderr: path('stderr') };
  const own = Object.values(files).flatMap((file) => (file === undefined ? [] : [resolve(file)]));
  try {
    return {
      ...files,
      options: resolveSupervisorOptions(options, env),
      title: options.title,
      dashboard: number('--dashboard', flags.dashboard) ?? ofCommand.dashboard,
      rotation: rotationOf(flags, ofCommand, configured),
      upkeep: upkeepOf(flags, ofCommand, baseDir, own),
      configuration: configured?.file,
    };
  } catch (error) {
    if (!(error instanceof OptionError)) throw error;
    // What no flag has given has the name of the file.
    const isOfFile = (option: string): boolean => configured !== undefined && !(option in fromFlags);
    const sentence = error.inWords((option, how) => (isOfFile(option) ? option : asFlag(option, how)));
    throw CommandFailure.usage(isOfFile(error.option) ? `${configured!.placeOf(error.option)}: ${sentence}` : sentence);
  }
}

/** What of a configuration is for the command. */
interface OfCommand {
  readonly baseDir?: string;
  readonly pidFile?: string;
  readonly stdout?: string;
  readonly stderr?: string;
  readonly dashboard?: number;
  readonly logMaxSize?: number | string;
  readonly logRotate?: string;
  readonly logKeep?: number;
  readonly watch?: boolean | string | readonly string[];
  readonly watchIgnore?: string | readonly string[];
  readonly cronRestart?: string;
}

interface Parts {
  /** Options of startCluster. */
  readonly given: Readonly<Record<string, unknown>>;
  readonly title?: string | undefined;
  readonly ofCommand: OfCommand;
}

const NOTHING: Parts = { given: {}, ofCommand: {} };

const PERIODS = ['hourly', 'daily', 'weekly', 'external'] as const;
const DEFAULT_KEEP = 7;

/** What the keys for the command may be. */
const CHECKS: Readonly<Record<keyof OfCommand, readonly [must: string, isRight: (value: unknown) => boolean]>> = {
  baseDir: ['a path', isText],
  pidFile: ['a path', isText],
  stdout: ['a path', isText],
  stderr: ['a path', isText],
  dashboard: ['a port', (value) => Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 65_535],
  logMaxSize: ['a number of bytes, or a text like 10MB', (value) => parseBytes(value) !== undefined],
  logRotate: [`one of ${PERIODS.join(', ')}`, (value) => PERIODS.some((period) => period === value)],
  logKeep: [`a whole number from 1 to ${MAX_KEEP}`, isCount],
  watch: ['true, false, a path, or a list of paths', (value) => typeof value === 'boolean' || isText(value) || areTexts(value)],
  watchIgnore: ['a name, or a list of names', (value) => isText(value) || areTexts(value)],
  cronRestart: ['a text', isText],
};

function isText(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}

function isCount(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 1 && (value as number) <= MAX_KEEP;
}

function areTexts(value: unknown): boolean {
  return Array.isArray(value) && value.every(isText);
}

/** @throws CommandFailure that names the flag, or the place in the configuration */
function rotationOf(
  flags: StartFlags,
  ofCommand: OfCommand,
  configured: ConfiguredApplication | undefined,
): Rotation | undefined {
  const given = {
    logMaxSize: flags.logMaxSize ?? ofCommand.logMaxSize,
    logRotate: flags.logRotate ?? ofCommand.logRotate,
    logKeep: number('--log-keep', flags.logKeep) ?? ofCommand.logKeep,
  };
  const nameOf = (key: keyof typeof given): string => (flags[key] === undefined ? key : asFlag(key, 'subject'));
  const refuse = (key: keyof typeof given, what: string): CommandFailure => {
    const place = flags[key] === undefined ? `${configured!.placeOf(key)}: ` : '';
    return CommandFailure.usage(`${place}${nameOf(key)} ${what}`);
  };
  for (const key of ['logMaxSize', 'logRotate', 'logKeep'] as const) {
    const [must, isRight] = CHECKS[key];
    if (given[key] !== undefined && !isRight(given[key]))
      throw refuse(key, `must be ${must}, but is ${JSON.stringify(given[key])}`);
  }
  const { logMaxSize, logRotate, logKeep } = given;
  if (logRotate === 'external') {
    const other = logMaxSize === undefined ? (logKeep === undefined ? undefined : 'logKeep') : 'logMaxSize';
    if (other !== undefined) throw refuse(other, `is for logs that are rotated here, and ${nameOf('logRotate')} is external`);
    return { keep: 0 };
  }
  if (logMaxSize === undefined && logRotate === undefined) {
    if (logKeep === undefined) return undefined;
    throw refuse('logKeep', `needs ${asFlag('logMaxSize', 'other')} or ${asFlag('logRotate', 'other')}`);
  }
  return {
    ...(logMaxSize !== undefined && { maxBytes: parseBytes(logMaxSize) }),
    ...(logRotate !== undefined && { every: logRotate as Period }),
    keep: logKeep ?? DEFAULT_KEEP,
  };
}

/** @param own files that the application writes while it runs */
function upkeepOf(flags: StartFlags, ofCommand: OfCommand, baseDir: string, own: readonly string[]): UpkeepSettings {
  const watched = flags.watch ?? ofCommand.watch ?? false;
  const ignored = listOf(flags.watchIgnore ?? ofCommand.watchIgnore ?? []);
  const cronRestart = flags.cronRestart ?? ofCommand.cronRestart;
  if (cronRestart !== undefined) checkSchedule(cronRestart, baseDir);
  const paths = watched === true ? ['.'] : watched === false ? [] : listOf(watched);
  return {
    ...(paths.length > 0 && {
      watch: {
        paths: paths.map((path) => resolve(baseDir, path)),
        // A bare name counts everywhere.
        ignored: [...ignored.map((name) => (/[\\/]/.test(name) ? resolve(baseDir, name) : name)), ...own],
      },
    }),
    ...(cronRestart !== undefined && { cronRestart }),
  };
}

function listOf(given: string | readonly string[]): string[] {
  return typeof given === 'string' ? given.split(',').map((each) => each.trim()) : [...given];
}

/** What counts of a configuration next to the options that flags give. @throws CommandFailure with the place in the file */
function partsOf(
  configured: ConfiguredApplication,
  flags: { app?: unknown; framework?: unknown; isMax: boolean },
  env: NodeJS.ProcessEnv,
): Parts {
  const { frameworkOptions, workers, ...others } = configured.given;
  const given = Object.fromEntries(Object.entries(others).filter(([key]) => !(key in CHECKS)));
  const ofCommand = Object.fromEntries(Object.entries(others).filter(([key]) => key in CHECKS)) as OfCommand;
  for (const [key, value] of Object.entries(ofCommand)) {
    const [must, isRight] = CHECKS[key as keyof OfCommand];
    if (!isRight(value)) throw CommandFailure.usage(`${configured.placeOf(key)}: ${key} must be ${must}`);
  }
  if (frameworkOptions !== undefined && typeof frameworkOptions !== 'object')
    throw CommandFailure.usage(`${configured.placeOf('frameworkOptions')}: frameworkOptions must be an object`);
  const overruled = Object.entries(OVERRULED_BY).flatMap(([key, names]) => (names.some((name) => env[name]) ? [key] : []));
  // A kind of application on the command line leaves nothing of the other kind in the file.
  if (flags.framework !== undefined) overruled.push('app', 'agent', 'args');
  if (flags.app !== undefined) overruled.push('framework');
  const isFramework = flags.app === undefined && (flags.framework !== undefined || given.app === undefined);
  const options = {
    ...(isFramework && (frameworkOptions as object)),
    ...given,
    ...(workers !== 'max' && !flags.isMax && { workers }),
  };
  return {
    given: Object.fromEntries(Object.entries(options).filter(([key, value]) => value !== undefined && !overruled.includes(key))),
    title: configured.title,
    ofCommand,
  };
}
