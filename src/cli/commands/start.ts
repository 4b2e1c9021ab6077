// `trunkline start`: in the foreground, or as a daemon; one application, or several of a configuration file.

import { pathAsGiven } from '../../path-as-given';
import { Application, runMaster, type MasterSettings } from './application';
import { chosenApplications, type ChosenApplication } from './chosen-applications';
import { findOccupant } from '../place/claim';
import { CommandFailure } from '../command-failure';
import { startDaemon } from './daemon';
import type { Output } from '../show/output';
import { placeForStart, placeOf, type Place, type Selection } from '../place/place';
import { TOKEN_VARIABLE, type OwnDashboard } from './dashboard-command';
import { number, type StartFlags } from './settings';
import { resolveStart } from './start-settings';
import { jsonView, terminalView } from '../show/start-view';
import { checkSchedule } from '../upkeep/schedule';
import { openStateFolder, stateFolderOf, type User } from '../place/state-folder';

export interface Surroundings {
  readonly user: User;
  readonly env: NodeJS.ProcessEnv;
  readonly stdout: Output;
  readonly stderr: Output;
}

/** @param operands a program, or names of applications of the configuration @throws CommandFailure */
export async function start(operands: readonly string[], flags: StartFlags, surroundings: Surroundings): Promise<void> {
  const { env, stderr } = surroundings;
  const pwd = env.PWD; // the working folder according to the shell
  const folder = pathAsGiven(flags.baseDir ?? '.', pwd);
  const given = {
    ...flags,
    ...(flags.baseDir !== undefined && { baseDir: folder }),
    ...(flags.pidFile !== undefined && { pidFile: pathAsGiven(flags.pidFile, pwd) }),
    ...(typeof flags.config === 'string' && { config: pathAsGiven(flags.config, pwd) }),
  };
  const chosen = await chosenApplications(operands, given, folder);
  if (chosen.length === 1) {
    await startOne(chosen[0], given, folder, surroundings);
    return;
  }
  if (!flags.daemon) {
    const names = chosen.map(({ configured }) => configured?.title).join(', ');
    throw CommandFailure.usage(`${names} are several applications: --daemon starts them all; in the foreground name one`);
  }
  // What is wrong in the file is said before anything is started.
  for (const { app, configured } of chosen) resolveStart(app, given, folder, configured, env);
  for (const each of chosen) {
    try {
      await startOne(each, given, folder, surroundings);
    } catch (error) {
      if (!(error instanceof CommandFailure)) throw error;
      stderr.write(`${stderr.style('red', 'trunkline:')} ${error.message}\n`);
      process.exitCode = error.exitCode;
    }
  }
}

async function startOne(
  { app, configured }: ChosenApplication,
  flags: StartFlags,
  folder: string,
  { user, env, stdout, stderr }: Surroundings,
): Promise<void> {
  const { options, upkeep, rotation, title, pidFile, configuration, ...files } = resolveStart(
    app,
    flags,
    folder,
    configured,
    env,
  );
  const selection = { pidFile, title, baseDir: options.baseDir };
  // A daemon without files could not be found again, and a user who names a pid file wants the file.
  const mayLackFiles = !flags.daemon && pidFile === undefined;
  if (upkeep.cronRestart !== undefined) checkSchedule(upkeep.cronRestart, options.baseDir);
  const { place, missing } = findPlace(selection, user, mayLackFiles);
  const settings: MasterSettings = {
    options,
    place,
    mayLackFiles,
    missing,
    configuration,
    upkeep,
    rotation,
    dashboard: dashboardOf(flags, env),
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

/** @throws CommandFailure */
function dashboardOf(flags: StartFlags, env: NodeJS.ProcessEnv): OwnDashboard | undefined {
  const port = number('--dashboard', flags.dashboard);
  return port === undefined ? undefined : { port, token: env[TOKEN_VARIABLE] || undefined };
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
