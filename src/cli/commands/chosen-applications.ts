// Which applications a start means: a program of the command line, or applications of a configuration file.

import { resolve } from 'node:path';
import { pathAsGiven } from '../../path-as-given';
import { CommandFailure } from '../command-failure';
import { applicationsOf, namedApplications, type ConfiguredApplication } from '../configuration/applications';
import { findConfiguration, loadConfiguration, type ConfigurationFile } from '../configuration/configuration-file';
import type { StartFlags } from './settings';

export interface ChosenApplication {
  /** The program of the workers on the command line. */
  readonly app: string | undefined;
  readonly configured: ConfiguredApplication | undefined;
}

/** Options of the command line that only a single application can have. */
const OF_ONE = {
  title: '--title',
  pidFile: '--pid-file',
  agent: '--agent',
  framework: '--framework',
  stdout: '--stdout',
  stderr: '--stderr',
} as const;

export interface Choice {
  /** Where a configuration was looked for: the folder of the application, unless a flag or the configuration says otherwise. */
  readonly folder: string;
  /** The flags, with absolute paths that keep their links. */
  readonly given: StartFlags;
  readonly chosen: readonly [ChosenApplication, ...ChosenApplication[]];
}

/** @param operands a program, or names of applications @throws CommandFailure */
export async function chosenApplications(
  operands: readonly string[],
  flags: StartFlags,
  { PWD: pwd }: NodeJS.ProcessEnv,
): Promise<Choice> {
  const folder = pathAsGiven(flags.baseDir ?? '.', pwd);
  const given = {
    ...flags,
    ...(flags.baseDir !== undefined && { baseDir: folder }),
    ...(flags.pidFile !== undefined && { pidFile: pathAsGiven(flags.pidFile, pwd) }),
    ...(typeof flags.config === 'string' && { config: pathAsGiven(flags.config, pwd) }),
  };
  return { folder, given, chosen: await choose(operands, given, folder) };
}

async function choose(operands: readonly string[], flags: StartFlags, folder: string): Promise<Choice['chosen']> {
  const file = await configurationOf(flags, folder);
  const isProgram = file === undefined || !hasSeveral(file);
  if (isProgram && operands.length > 1) {
    const others = operands.slice(1).join(' ');
    throw CommandFailure.usage(`too many arguments for 'start': ${others}; arguments for the program come after --`);
  }
  if (!file) return [{ app: operands[0], configured: undefined }];
  const all = applicationsOf(file);
  if (isProgram) {
    const [configured] = all;
    return [{ app: operands[0] === configured!.title ? undefined : operands[0], configured }];
  }
  const [first, ...others] = operands.length === 0 ? all : namedApplications(all, operands);
  if (others.length > 0) {
    for (const [key, flag] of Object.entries(OF_ONE)) {
      if (flags[key as keyof typeof OF_ONE] === undefined) continue;
      throw CommandFailure.usage(
        `${flag} is for a single application, and ${others.length + 1} are to be started: name one of them`,
      );
    }
  }
  return [{ app: undefined, configured: first }, ...others.map((configured) => ({ app: undefined, configured }))];
}

async function configurationOf({ config }: StartFlags, folder: string): Promise<ConfigurationFile | undefined> {
  if (config === false) return undefined;
  return typeof config === 'string' ? await loadConfiguration(resolve(config)) : await findConfiguration(folder);
}

function hasSeveral({ value }: ConfigurationFile): boolean {
  return typeof value === 'object' && value !== null && 'applications' in value;
}
