// `trunkline start`: in the foreground, or as a daemon.

import { Application, runMaster, type MasterSettings } from './application';
import { findOccupant } from '../place/claim';
import { CommandFailure } from '../command-failure';
import { startDaemon } from './daemon';
import type { Output } from '../show/output';
import { placeForStart, placeOf, type Place, type Selection } from '../place/place';
import { resolveStart, type StartFlags } from './settings';
import { jsonView, terminalView } from '../show/start-view';
import { openStateFolder, stateFolderOf, type User } from '../place/state-folder';

/** @throws CommandFailure */
export async function start(
  app: string | undefined,
  flags: StartFlags,
  user: User,
  stdout: Output,
  stderr: Output,
): Promise<void> {
  const options = resolveStart(app, flags);
  const selection = { pidFile: flags.pidFile, title: flags.title, baseDir: options.baseDir };
  // A daemon without files could not be found again, and a user who names a pid file wants the file.
  const mayLackFiles = !flags.daemon && flags.pidFile === undefined;
  const { place, missing } = findPlace(selection, user, mayLackFiles);
  const settings: MasterSettings = { options, place, mayLackFiles, missing };
  const view = flags.json ? jsonView(stdout) : terminalView(stdout, stderr);
  if (flags.daemon) {
    if (flags.stdout === undefined || flags.stderr === undefined) openStateFolder(place.stateFolder, user.uid);
    const occupant = await findOccupant(place); // before the logs are touched
    if (occupant.state === 'there') {
      occupant.client.close();
      throw CommandFailure.failed(`${place.name} is already running, pid ${occupant.pid ?? 'unknown'}`);
    }
    process.exitCode = await startDaemon(settings, flags, view);
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
