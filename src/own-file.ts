// Files that this process writes into folders where others may write too, such as the folder for temporary files: only this user
// may read such a file, and no file is written through a link that somebody else has put in place.

import { closeSync, constants, fchmodSync, fstatSync, ftruncateSync, openSync, writeSync } from 'node:fs';

const { O_APPEND, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_WRONLY } = constants;
/** Flags of `open` that neither follow a link nor wait at a pipe; Windows has none. */
const WITHOUT_LINKS = (O_NOFOLLOW ?? 0) | (O_NONBLOCK ?? 0);
const OWN = 0o600;

/** Opens a file for appending. A new one has mode 0600, one that is there keeps the old mode. @throws Error */
export function openToAppend(path: string): number {
  return openOwn(path, O_APPEND);
}

/** Writes a file anew, mode 0600, also if the file existed. @throws Error */
export function overwrite(path: string, content: string): void {
  const file = openOwn(path, 0);
  try {
    if (fstatSync(file).isFile()) {
      fchmodSync(file, OWN);
      ftruncateSync(file);
    }
    writeSync(file, content);
  } finally {
    closeSync(file);
  }
}

/** Writes a file that does not exist yet, mode 0600. @throws Error when the file exists */
export function writeNew(path: string, content: string): void {
  const file = openSync(path, O_WRONLY | O_CREAT | O_EXCL | WITHOUT_LINKS, OWN);
  try {
    writeSync(file, content);
  } finally {
    closeSync(file);
  }
}

function openOwn(path: string, flags: number): number {
  const file = openWithoutLinks(path, flags);
  try {
    // Devices such as /dev/null belong to the system, and keep nothing.
    const stat = fstatSync(file);
    const { uid, nlink } = stat;
    const [isFile, own] = [stat.isFile(), process.geteuid?.()];
    if (!isFile && !stat.isCharacterDevice()) throw new Error(`${path} is not a file`);
    if (isFile && own !== undefined && uid !== own) throw new Error(`${path} belongs to the user ${uid}, not to ${own}`);
    if (isFile && nlink > 1) throw new Error(`${path} is a hard link: the file has ${nlink} names`);
    return file;
  } catch (error) {
    closeSync(file);
    throw error;
  }
}

function openWithoutLinks(path: string, flags: number): number {
  try {
    return openSync(path, O_WRONLY | O_CREAT | WITHOUT_LINKS | flags, OWN);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ELOOP') throw new Error(`${path} is a symbolic link; remove it, or name the file itself`, { cause: error });
    throw error;
  }
}
