// What a start is told: by flags, by the environment, and by a configuration file.

import { resolve } from 'node:path';
import { OptionError } from '../../supervisor/host/option-error';
import { resolveSupervisorOptions, type ResolvedSupervisorOptions } from '../../supervisor/host/options';
import { CommandFailure } from '../command-failure';
import { OVERRULED_BY, type ConfiguredApplication } from '../configuration/applications';
import { asFlag, supervisorOptions, type StartFlags } from './settings';

/** The resolved options of a start, without what only the process of the master can give. */
export type StartOptions = Omit<ResolvedSupervisorOptions, 'logger' | 'onChange'>;

/** What a start is told, from all sources. */
export interface StartSettings {
  readonly options: StartOptions;
  readonly title: string | undefined;
  readonly pidFile: string | undefined;
  readonly stdout: string | undefined;
  readonly stderr: string | undefined;
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
  try {
    return {
      options: resolveSupervisorOptions(options, env),
      title: options.title,
      pidFile: path('pidFile'),
      stdout: path('stdout'),
      stderr: path('stderr'),
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

interface Parts {
  /** Options of startCluster. */
  readonly given: Readonly<Record<string, unknown>>;
  readonly title?: string | undefined;
  readonly ofCommand: Readonly<Partial<Record<'baseDir' | 'pidFile' | 'stderr' | 'stdout', string>>>;
}

const NOTHING: Parts = { given: {}, ofCommand: {} };

/** What counts of a configuration next to the options that flags give. @throws CommandFailure with the place in the file */
function partsOf(
  configured: ConfiguredApplication,
  flags: { app?: unknown; framework?: unknown; isMax: boolean },
  env: NodeJS.ProcessEnv,
): Parts {
  const { baseDir, pidFile, stdout, stderr, frameworkOptions, workers, ...given } = configured.given;
  const texts = { baseDir, pidFile, stdout, stderr };
  for (const [key, value] of Object.entries(texts)) {
    if (value !== undefined && (typeof value !== 'string' || value === ''))
      throw CommandFailure.usage(`${configured.placeOf(key)}: ${key} must be a path`);
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
    ofCommand: texts as Parts['ofCommand'],
  };
}
