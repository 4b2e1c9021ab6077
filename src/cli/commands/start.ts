// `trunkline start`: in the foreground, or as a daemon; one application, or several of a configuration file.

import { Application, runMaster, type MasterSettings } from './application';
import { chosenApplications } from './chosen-applications';
import { findOccupant } from '../place/claim';
import { CommandFailure } from '../command-failure';
import { startDaemon } from './daemon';
import type { Output } from '../show/output';
import { placeForStart, placeOf, type Place, type Selection } from '../place/place';
import { TOKEN_VARIABLE } from './dashboard-command';
import type { StartFlags } from './settings';
import { resolveStart, type StartSettings } from './start-settings';
import { startTogether } from './start-together';
import { jsonView, terminalView } from '../show/start-view';
import { openStateFolder, stateFolderOf, type User } from '../place/state-folder';

export interface Surroundings {
  readonly user: User;
  readonly env: NodeJS.ProcessEnv;
  readonly stdout: Output;
  readonly stderr: Output;
  /** The words of a command that starts a single application of several with the same options. */
  readonly commandOf: (name: string) => readonly string[];
}

/** @param operands a program, or names of applications of the configuration @throws CommandFailure */
export async function start(operands: readonly string[], flags: StartFlags, surroundings: Surroundings): Promise<void> {
  const { env, stderr } = surroundings;
  const complain = (sentence: string): void => void stderr.write(`${stderr.style('red', 'trunkline:')} ${sentence}\n`);
  const { folder, given, chosen } = await chosenApplications(operands, flags, env);
  // What is wrong in the file is said before anything is started.
  const [first, ...others] = chosen.map(({ app, configured }) => resolveStart(app, given, folder, configured, env));
  if (others.length === 0) {
    await startOne(first!, given, surroundings);
    return;
  }
  if (!flags.daemon) {
    const names = chosen.flatMap(({ configured }) => configured?.title ?? []);
    process.exitCode = await startTogether(names, surroundings.commandOf, complain);
    return;
  }
  for (const each of [first!, ...others]) {
    try {
      await startOne(each, given, surroundings);
    } catch (error) {
      if (!(error instanceof CommandFailure)) throw error;
      complain(error.message);
      process.exitCode = error.exitCode;
    }
  }
}

async function startOne(
  { options, upkeep, rotation, dashboard, title, pidFile, configuration, ...files }: StartSettings,
  flags: StartFlags,
  { user, env, stdout, stderr }: Surroundings,
): Promise<void> {
  const selection = { pidFile, title, baseDir: options.baseDir };
  // A daemon without files could not be found again, and a user who names a pid file wants the file.
  const mayLackFiles = !flags.daemon && pidFile === undefined;
  const { place, missing } = findPlace(selection, user, mayLackFiles);
  const settings: MasterSettings = {
    options,
    place,
    mayLackFiles,
    missing,
    configuration,
    upkeep,
    rotation,
    dashboard: dashboard === undefined ? undefined : { port: dashboard, token: env[TOKEN_VARIABLE] || undefined },
  };
  const view = flags.json ? jsonView(stdout) : terminalView(stdout, stderr);
  if (flags.daemon) {
    if (files.stdout === undefined || files.stderr === undefined) openStateFolder(place.stateFolder, user.uid);
    const occupant = await findOccupant(place); // before the logs are touched
    if (occupant.state === 'there') {
      occupant.client.close();
      throw CommandFailure.failed(`${place.name} is already running, pid ${occupant.pid ?? 'unknown'}`);
    }
    process.exitCode = (await startDaemon(settings, files, view)) || process.exitCode || 0;
    return;
  }
  const application = new Application(settings, view);
  await runMaster(application, view);
}

/**
 * @returns `missing`: why the place has no folder @throws CommandFailure when a folder is needed, or the selection is not
 * understood
 */
function findPlace(selection: Selection, user: User, mayLackFiles: boolean): { place: Place; missing?: string } {
  try {
    return { place: placeForStart(selection, user) };
  } catch (error) {
    if (!mayLackFiles || !(error instanceof CommandFailure) || !error.isAboutFiles) throw error;
    return { place: placeOf(selection, stateFolderOf(user)), missing: error.message };
  }
}
