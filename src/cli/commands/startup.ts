// `trunkline startup`: a unit of systemd for what `trunkline start` with the same words would start.

import { basename, dirname } from 'node:path';
import { workingFolder } from '../../path-as-given';
import { CommandFailure } from '../command-failure';
import { unitText } from '../show/systemd-unit';
import type { Output } from '../show/output';
import { chosenApplications, type ChosenApplication } from './chosen-applications';
import type { StartFlags } from './settings';
import { resolveStart } from './start-settings';

export interface StartupSettings {
  readonly flags: StartFlags;
  /** A program, or names of applications. */
  readonly operands: readonly string[];
  /** The options as they were written, without those that name files and folders for the command itself. */
  readonly written: readonly string[];
  /** The file of the program `trunkline`, as it was called. */
  readonly program: string;
  /** Who runs the command. */
  readonly user: string | undefined;
  readonly env: NodeJS.ProcessEnv;
}

/** Options that `startup` writes itself, with absolute paths. */
export const PATH_OPTIONS = ['baseDir', 'config', 'pidFile'] as const;
/** Where every system has its programs. */
const USUAL_PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** @throws CommandFailure */
export async function startup(settings: StartupSettings, stdout: Output): Promise<void> {
  const { flags, operands, env } = settings;
  if (flags.daemon) throw CommandFailure.usage('--daemon is not for a unit: systemd starts the application in the foreground');
  const { folder, given, chosen } = await chosenApplications(operands, flags, env);
  const units = chosen.map((each) => textOf(each, given, folder, settings, chosen.length > 1));
  stdout.write(units.join('\n'));
}

function textOf(
  { app, configured }: ChosenApplication,
  flags: StartFlags,
  folder: string,
  { written, program, user, env }: StartupSettings,
  isOfSeveral: boolean,
): string {
  const { options, title, pidFile, configuration } = resolveStart(app, flags, folder, configured, env);
  const name = (title ?? basename(options.baseDir)).replaceAll(/[^\w.-]+/g, '-').replaceAll(/^[-.]+|[-.]+$/g, '') || 'app';
  const place = pidFile ?? `/run/trunkline-${name}/${name}.pid`;
  const operand = app ?? configured?.title;
  // Paths as they were given, so that a link to the present release stays one. systemd sets no PWD, which would name it.
  const paths = [
    ...(configuration === undefined ? (flags.config === false ? ['--no-config'] : []) : [`--config=${configuration}`]),
    ...(configuration === undefined || flags.baseDir !== undefined ? [`--base-dir=${options.baseDir}`] : []),
    ...(flags.pidFile !== undefined || configured?.given.pidFile === undefined ? [`--pid-file=${place}`] : []),
  ];
  const words = [...(operand === undefined ? [] : [operand]), ...paths, ...written];
  const args = flags.args?.length ? ['--', ...flags.args] : [];
  const file = `/etc/systemd/system/${name}.service`;
  const alone = isOfSeveral ? [`One of several: trunkline startup ${name} writes it alone.`] : [];
  const nodeFolder = dirname(process.execPath);
  return unitText({
    name,
    user,
    workingFolder: workingFolder(env.PWD),
    command: [process.execPath, program, 'start', ...words, ...args],
    // A node of a version manager is in no usual place, and programs may start others by its name.
    environment: USUAL_PATH.split(':').includes(nodeFolder) ? {} : { PATH: `${nodeFolder}:${USUAL_PATH}` },
    stopTimeoutMs: options.stopTimeoutMs,
    comments: [
      file,
      ...alone,
      `sudo systemctl daemon-reload && sudo systemctl enable --now ${name}`,
      `systemctl reload ${name} replaces every process without losing a request.`,
      `trunkline status --pid-file ${place} shows the processes; journalctl -u ${name} has the logs.`,
      'The environment of your shell does not count here: add lines such as Environment=NODE_ENV=production.',
    ],
  });
}
