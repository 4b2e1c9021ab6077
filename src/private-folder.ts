// The only rule that says where secrets, sockets and pid files of a user lie. Services and cron jobs must find what was made in
// a session of the user, and a session that has ended leaves XDG_RUNTIME_DIR in the environment of processes after the folder is
// removed. Compiled code lies in another folder, because it is large and is to survive a restart of the machine.

import { accessSync, constants, lstatSync, mkdirSync, statSync, type Stats } from 'node:fs';
import { isAbsolute, join } from 'node:path';
import { fact } from './facts';

export interface UserPlace {
  /** The id of the user; undefined if the system has no users. */
  readonly uid: number | undefined;
  /** XDG_RUNTIME_DIR. A relative path is ignored, as the specification of XDG says, and so is a folder that no longer exists. */
  readonly runtimeFolder: string | undefined;
  /** The folder for temporary files. */
  readonly temporaryFolder: string;
}

/** XDG_RUNTIME_DIR, or the usual folder of the user's sessions; undefined when neither exists. */
export function runtimeFolderOf({ uid, runtimeFolder }: UserPlace): string | undefined {
  if (runtimeFolder !== undefined && isAbsolute(runtimeFolder) && statOf(runtimeFolder)) return runtimeFolder;
  if (uid === undefined) return undefined;
  const usual = `/run/user/${uid}`;
  const found = statOf(usual);
  return found?.isDirectory() && found.uid === uid ? usual : undefined;
}

/** The folder for the secrets of the user. */
export function secretFolderOf(place: UserPlace): string {
  return join(runtimeFolderOf(place) ?? place.temporaryFolder, `trunkline-${place.uid ?? 'user'}`);
}

export interface CachePlace {
  /** The id of the user; undefined if the system has no users. */
  readonly uid: number | undefined;
  /** XDG_CACHE_HOME. A relative path is ignored, as the specification of XDG says. */
  readonly cacheHome: string | undefined;
  /** The home of the user. */
  readonly home: string | undefined;
  /** The folder for temporary files. It is used only on a system without users, where it is the user's own. */
  readonly temporaryFolder: string;
}

/**
 * Makes the folder for what can be made again. Code is run from this folder unseen, so nobody else may be able to put another folder in
 * its place: the folder around it belongs to this user too, and nobody else may write there. A folder for temporary files that all users
 * share is never used.
 * @returns undefined: no folder can be had
 */
export function openCacheFolder(place: CachePlace): string | undefined {
  const { uid, temporaryFolder } = place;
  const parent = uid === undefined ? temporaryFolder : fact(() => openCacheHome(place, uid));
  if (parent === undefined) return undefined;
  const folder = join(parent, 'trunkline');
  return whyNotUsable(folder, uid) === undefined ? folder : undefined;
}

/** @throws Error when the folder cannot be made */
function openCacheHome({ cacheHome, home }: CachePlace, uid: number): string | undefined {
  const isGiven = cacheHome !== undefined && isAbsolute(cacheHome);
  if (!isGiven && (home === undefined || !isAbsolute(home) || !isOwn(lstatSync(home), uid))) return undefined;
  const folder = isGiven ? cacheHome : join(home!, '.cache');
  return isOwn(lstatSync(folder, { throwIfNoEntry: false }) ?? makeFolder(folder), uid) ? folder : undefined;
}

/** Whether it is a folder, and no link, in which this user alone may write. */
function isOwn(stat: Stats, uid: number): boolean {
  return stat.isDirectory() && stat.uid === uid && (stat.mode & 0o022) === 0;
}

/** Makes the folder if the folder is missing. @throws Error when the folder cannot be made, or when others have access */
export function openPrivateFolder(folder: string, uid: number | undefined): void {
  // A process that may only read uses a folder that another process has made.
  const found = lstatSync(folder, { throwIfNoEntry: false }) ?? makeFolder(folder);
  if (found.isSymbolicLink()) throw new Error('it is a symbolic link');
  if (!found.isDirectory()) throw new Error('it is not a folder');
  assertPrivate('it', found, uid);
}

function makeFolder(folder: string): Stats {
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
  return lstatSync(folder);
}

/** Opens the folder, and checks that files can be made there. @returns why not; undefined: all is well */
export function whyNotUsable(folder: string, uid: number | undefined): string | undefined {
  try {
    openPrivateFolder(folder, uid);
    accessSync(folder, constants.W_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Throws if others have access. The access is not taken away, because somebody may have used the access already. */
export function assertPrivate(what: string, { uid: owner, mode }: Stats, uid: number | undefined): void {
  if (uid === undefined) return; // Windows: folders for temporary files are private there
  if (owner !== uid) throw new Error(`${what} belongs to the user ${owner}, not to ${uid}`);
  if (mode & 0o077) throw new Error(`others may use ${what} (mode 0${(mode & 0o777).toString(8)})`);
}

function statOf(path: string): Stats | undefined {
  return fact(() => statSync(path, { throwIfNoEntry: false }));
}
