// `trunkline start`: in the foreground, or as a daemon.

import { Application, runMaster, type MasterSettings } from './application';
import { findOccupant } from './claim';
import { CommandFailure } from './command-failure';
import { startDaemon } from './daemon';
import type { Output } from './output';
import { placeForStart } from './place';
import { checkOptions, supervisorOptions, type StartFlags } from './settings';
import { jsonView, terminalView } from './start-view';
import { openStateFolder, type User } from './state-folder';

/** @throws CommandFailure */
export async function start(
  app: string | undefined,
  flags: StartFlags,
  user: User,
  stdout: Output,
  stderr: Output,
): Promise<void> {
  const { baseDir } = checkOptions(supervisorOptions(app, flags));
  const place = placeForStart({ pidFile: flags.pidFile, title: flags.title, baseDir }, user);
  const settings: MasterSettings = { app, flags, place };
  const view = flags.json ? jsonView(stdout) : terminalView(stdout, stderr);
  if (flags.daemon) {
    if (flags.stdout === undefined || flags.stderr === undefined) openStateFolder(place.stateFolder, user.uid);
    const occupant = await findOccupant(place); // before its logs are touched
    if (occupant.state === 'there') {
      occupant.client.close();
      throw CommandFailure.failed(`${place.name} is already running, pid ${occupant.pid ?? 'unknown'}`);
    }
    process.exitCode = await startDaemon(settings, view);
    return;
  }
  const application = new Application(settings, view);
  await runMaster(application, view);
}
