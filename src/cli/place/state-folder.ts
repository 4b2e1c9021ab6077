// The folder that holds sockets, pid files and logs of all applications of a user. Anybody who may write there can take the
// place of an application; the folder is used only if owned by this user and closed to everybody else.

import { lstatSync, mkdirSync, type Stats } from 'node:fs';
import { join } from 'node:path';
import { runtimeFolderOf } from '../../private-folder';
import { CommandFailure, reasonOf } from '../command-failure';

/** As whom a command runs. */
export interface User {
  /** undefined where the system has none. */
  readonly uid: number | undefined;
  /** XDG_RUNTIME_DIR */
  readonly runtimeDir: string | undefined;
  /** The folder for temporary files. */
  readonly tmp: string;
}

/** The folder for pid files and control sockets, by the rule that the secrets of the user follow too. */
export function stateFolderOf({ uid, runtimeDir, tmp }: User): string {
  const runtimeFolder = runtimeFolderOf({ uid, runtimeFolder: runtimeDir, temporaryFolder: tmp });
  return runtimeFolder === undefined ? temporaryStateFolder({ uid, tmp }) : join(runtimeFolder, 'trunkline');
}

/** The state folder while the user has no folder of a session. */
export function temporaryStateFolder({ uid, tmp }: Pick<User, 'uid' | 'tmp'>): string {
  return join(tmp, `trunkline-${uid ?? 'user'}`);
}

/** Makes the folder if missing. @throws CommandFailure when the folder cannot be made, or must not be used */
export function openStateFolder(folder: string, uid: number | undefined): void {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') {
      throw CommandFailure.files(
        `the folder ${folder} cannot be made: ${reasonOf(error)}; set XDG_RUNTIME_DIR to a folder of yours, or give --pid-file`,
      );
    }
  }
  checkStateFolder(folder, uid);
}

/** @returns whether the folder exists @throws CommandFailure when the folder must not be used */
export function checkStateFolder(folder: string, uid: number | undefined): boolean {
  const stat = lstatSync(folder, { throwIfNoEntry: false });
  if (!stat) return false;
  const objection = objectionTo(stat, uid);
  if (objection !== undefined) throw CommandFailure.failed(`the folder ${folder} is not safe to use: ${objection}`);
  return true;
}

/** @returns what is wrong with the folder, and what to do; undefined: nothing */
export function objectionTo(
  stat: Pick<Stats, 'mode' | 'uid' | 'isDirectory' | 'isSymbolicLink'>,
  uid: number | undefined,
): string | undefined {
  if (stat.isSymbolicLink()) return 'it is a symbolic link; remove it';
  if (!stat.isDirectory()) return 'it is not a folder; remove it';
  if (uid === undefined) return undefined; // a system without owners and modes
  if (stat.uid !== uid) return `it belongs to the user ${stat.uid}, not to ${uid}; set XDG_RUNTIME_DIR to a folder of yours`;
  const mode = stat.mode & 0o777;
  return mode & 0o077 ? `others may enter it (mode 0${mode.toString(8)}); chmod 700 it` : undefined;
}
