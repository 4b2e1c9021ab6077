// Where the files of an application are: pid file, control socket and logs. Every command finds the files by the same rule.

import { createHash } from 'node:crypto';
import { basename, dirname, join, resolve } from 'node:path';
import { CommandFailure } from '../command-failure';
import { checkStateFolder, openStateFolder, stateFolderOf, type User } from './state-folder';

/** Selects an application. The first given property decides. Paths count as given, links included. */
export interface Selection {
  readonly pidFile?: string | undefined;
  readonly title?: string | undefined;
  /** Default: the working directory. */
  readonly baseDir?: string | undefined;
}

export interface Place {
  /** The name for users. */
  readonly name: string;
  readonly pidFile: string;
  readonly socket: string;
  /** What is known of the master besides the process id. */
  readonly facts: string;
  /** Exists for the moment in which a master takes the place. */
  readonly lock: string;
  /** Where a daemon writes, unless told otherwise. */
  readonly stdout: string;
  readonly stderr: string;
  readonly stateFolder: string;
}

/** The address of a Unix socket is so long at most, bytes (104 with the final zero on BSD and macOS, 108 on Linux). */
const MAX_SOCKET_BYTES = 103;
const MAX_NAME = 40;
const HASH_LENGTH = 8;

export function placeOf({ pidFile, title, baseDir = '.' }: Selection, stateFolder: string): Place {
  if (pidFile !== undefined) {
    const path = resolve(pidFile);
    return files(named(basename(path).replace(/\.pid$/, ''), path), path, stateFolder);
  }
  return placeNamed(title === undefined ? folderName(baseDir) : titleName(title), stateFolder);
}

/** A place of the state folder, by the name of the files. */
export function placeNamed(name: string, stateFolder: string): Place {
  return files(name, join(stateFolder, `${name}.pid`), stateFolder);
}

/** For a new application: makes the folder. @throws CommandFailure */
export function placeForStart(selection: Selection, user: User): Place {
  const stateFolder = stateFolderOf(user);
  const place = placeOf(selection, stateFolder);
  // Beside another pid file the folder is needed for the logs only.
  if (dirname(place.pidFile) === stateFolder) openStateFolder(stateFolder, user.uid);
  const { length } = Buffer.from(place.socket);
  if (length > MAX_SOCKET_BYTES) {
    throw CommandFailure.usage(
      `the path of the control socket is too long (${length} bytes, at most ${MAX_SOCKET_BYTES}): ${place.socket}; give a shorter --pid-file`,
    );
  }
  return place;
}

/** The place of an application that may run. @throws CommandFailure when the folder must not be trusted */
export function placeForControl(selection: Selection, user: User): Place {
  const stateFolder = stateFolderOf(user);
  const place = placeOf(selection, stateFolder);
  if (dirname(place.pidFile) === stateFolder) checkStateFolder(stateFolder, user.uid);
  return place;
}

function files(name: string, pidFile: string, stateFolder: string): Place {
  return {
    name,
    pidFile,
    // A pid file of the user may have any neighbour: the whole name stays in front.
    socket: `${pidFile}.sock`,
    facts: `${pidFile}.facts`,
    lock: `${pidFile}.starting`,
    stdout: join(stateFolder, `${name}.out.log`),
    stderr: join(stateFolder, `${name}.err.log`),
    stateFolder,
  };
}

function folderName(baseDir: string): string {
  const path = resolve(baseDir);
  return named(basename(path), path);
}

/** Short, fit for a file name, and different for every path. */
function named(label: string, path: string): string {
  return `${fileName(label).slice(0, MAX_NAME - HASH_LENGTH - 1)}-${hash(path)}`;
}

/** A title that is a file name already stays unchanged. */
function titleName(title: string): string {
  return fileName(title) === title && title.length <= MAX_NAME ? title : named(title, title);
}

function fileName(text: string): string {
  return text.replaceAll(/[^\w.-]+/g, '-').replace(/^[.-]+/, '') || 'app';
}

function hash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, HASH_LENGTH);
}
