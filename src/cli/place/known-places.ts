// Which applications this user has: the applications in the state folder, and a note there for each application whose pid file
// is elsewhere. Commands of other shells may use other state folders, and therefore all state folders are searched.

import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { isSameFolder } from '../../path-as-given';
import { CommandFailure } from '../command-failure';
import { readFacts, readPid } from './claim';
import { placeForControl, placeNamed, placeOf, type Place, type Selection } from './place';
import { checkStateFolder, openStateFolder, stateFolderOf, temporaryStateFolder, type User } from './state-folder';

const NOTE = '.at';

/**
 * Leaves a note of a place whose pid file is elsewhere. An application runs without a note if the folder cannot be written.
 * @returns removes the note; may be called in the last moment of the process
 */
export function remember(place: Place): () => void {
  if (dirname(place.pidFile) === place.stateFolder) return () => undefined;
  const note = join(place.stateFolder, `${place.name}${NOTE}`);
  try {
    openStateFolder(place.stateFolder, process.getuid?.());
    rmSync(note, { force: true }); // belongs to a master that was killed
    writeFileSync(note, place.pidFile, { flag: 'wx', mode: 0o600 });
  } catch {
    return () => undefined;
  }
  return () => rmSync(note, { force: true });
}

/** Every place in which an application of this user may be. @throws CommandFailure when the state folder must not be used */
export function knownPlaces(user: User): Place[] {
  const own = stateFolderOf(user);
  const others = [stateFolderOf({ ...user, runtimeDir: undefined }), temporaryStateFolder(user)];
  return [own, ...new Set(others.filter((folder) => folder !== own && isUsable(folder, user)))].flatMap((folder) =>
    checkStateFolder(folder, user.uid) ? placesIn(folder) : [],
  );
}

/**
 * The places of the selected applications. An application that was started by another path to the same folder, such as a link to
 * the present release, is found as well; and also an application whose folder has changed since this shell entered the folder by
 * that link. Without a selection all applications of the configuration in the folder are meant.
 * @param pwd the working folder according to the shell
 * @throws CommandFailure when the state folder must not be used
 */
export function findPlaces(selection: Selection, user: User, pwd: string | undefined): readonly [Place, ...Place[]] {
  const place = placeForControl(selection, user);
  const { pidFile, title, baseDir = '.' } = selection;
  if (pidFile !== undefined || readPid(place) !== undefined) return [place];
  const running = knownPlaces(user).filter((other) => readPid(other) !== undefined);
  // A service and a shell may differ in the folder, and a service has its pid file elsewhere.
  if (title !== undefined) {
    const hasTitle = (other: Place): boolean => readFacts(other)?.title === title;
    return [running.find(({ name }) => name === place.name) ?? running.find(hasTitle) ?? place];
  }
  const isThere = (other: Place): boolean => {
    const facts = readFacts(other);
    if (facts === undefined) return false;
    if (isSameFolder(facts.baseDir, baseDir)) return true;
    if (facts.configuration !== undefined && isSameFolder(dirname(facts.configuration), baseDir)) return true;
    return facts.baseDir === pwd && facts.folders?.includes(baseDir) === true;
  };
  const [first = place, ...others] = running.filter(isThere);
  const configuration = readFacts(first)?.configuration;
  return [first, ...others.filter((other) => configuration !== undefined && readFacts(other)?.configuration === configuration)];
}

/** The place of a single application. @throws CommandFailure when several are meant, or the state folder must not be used */
export function findPlace(selection: Selection, user: User, pwd: string | undefined): Place {
  const [place, ...others] = findPlaces(selection, user, pwd);
  if (others.length === 0) return place;
  const names = [place, ...others].map(({ name }) => name).join(', ');
  throw CommandFailure.usage(`several applications of this folder run: ${names}; name one`);
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
