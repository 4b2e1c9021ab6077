// Which applications this user has: those in the state folder, and a note there for each whose pid file is elsewhere.
// Commands of other shells may look in other state folders, so all of them are looked at.

import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isSameFolder } from '../path-as-given';
import { readFacts, readPid } from './claim';
import { placeForControl, placeNamed, placeOf, type Place, type Selection } from './place';
import { checkStateFolder, openStateFolder, stateFolderOf, temporaryStateFolder, type User } from './state-folder';

const NOTE = '.at';

/**
 * Leaves a note of a place whose pid file is elsewhere. An application runs without it where the folder cannot be written.
 * @returns removes the note; may be called in the last moment of the process
 */
export function remember(place: Place): () => void {
  if (dirname(place.pidFile) === place.stateFolder) return () => undefined;
  const note = join(place.stateFolder, `${place.name}${NOTE}`);
  try {
    openStateFolder(place.stateFolder, process.getuid?.());
    rmSync(note, { force: true }); // of a master that was killed
    writeFileSync(note, place.pidFile, { flag: 'wx', mode: 0o600 });
  } catch {
    return () => undefined;
  }
  return () => rmSync(note, { force: true });
}

/** Every place in which an application of this user may be. @throws CommandFailure when its state folder must not be used */
export function knownPlaces(user: User): Place[] {
  const own = stateFolderOf(user);
  const others = [stateFolderOf({ ...user, runtimeDir: undefined }), temporaryStateFolder(user)];
  return [own, ...new Set(others.filter((folder) => folder !== own && isUsable(folder, user)))].flatMap((folder) =>
    checkStateFolder(folder, user.uid) ? placesIn(folder) : [],
  );
}

/**
 * The place of the application that is meant. An application that was started by another path to the same folder is found as well, such as
 * a link to the present release; and one whose folder has been another one since this shell entered it by that link.
 * @param pwd where the shell says that it is
 * @throws CommandFailure when the state folder must not be used
 */
export function findPlace(selection: Selection, user: User, pwd: string | undefined): Place {
  const place = placeForControl(selection, user);
  const { pidFile, title, baseDir = '.' } = selection;
  if (pidFile !== undefined || title !== undefined || readPid(place) !== undefined) return place;
  const isThere = (other: Place): boolean => {
    const facts = readFacts(other);
    if (facts === undefined || readPid(other) === undefined) return false;
    if (isSameFolder(facts.baseDir, baseDir)) return true;
    return facts.baseDir === pwd && facts.folders?.includes(baseDir) === true;
  };
  return knownPlaces(user).find(isThere) ?? place;
}

function isUsable(folder: string, { uid }: User): boolean {
  try {
    return checkStateFolder(folder, uid);
  } catch {
    return false; // somebody else's
  }
}

function placesIn(folder: string): Place[] {
  return readdirSync(folder)
    .sort()
    .flatMap((file) => {
      if (file.endsWith('.pid')) return [placeNamed(file.slice(0, -'.pid'.length), folder)];
      return file.endsWith(NOTE) ? [placeOf({ pidFile: readFileSync(join(folder, file), 'utf8') }, folder)] : [];
    });
}
