// Tells which files of some folders have been changed, for a reload during development. Folders are watched rather than files,
// because editors save by writing a new file and giving it the name of the old file.

import { fstatSync, lstatSync, readdirSync, watch, type FSWatcher } from 'node:fs';
import { basename, dirname, join, sep } from 'node:path';
import { reasonOf } from '../command-failure';
import { fact } from '../../facts';

/** A save is several steps, and a checkout many files: a report waits until nothing has come for this long, ms. */
const QUIET_MS = 150;
/** A report waits no longer than this, ms. */
const LONGEST_WAIT_MS = 2_000;

/** Folders and files that programs write while they run, or that nobody edits. */
const IGNORED_NAMES = new Set(['node_modules', 'logs', 'run', 'coverage', 'tmp']);
/** What editors and systems leave for a moment. Names that begin with a dot are ignored too, except `.env` files. */
const IGNORED_FILES = /^\.(?!env)|~$|^#.*#$|\.(?:log(?:\.\d+)?|pid|sock|sw[a-z]|tmp)$|^4913$/;

export interface WatchSettings {
  /** Absolute paths of folders and files. */
  readonly paths: readonly string[];
  /** Names, or absolute paths, of files and folders that do not count. */
  readonly ignored: readonly string[];
}

export class ChangedFiles {
  readonly #settings: WatchSettings;
  readonly #onChange: (files: readonly string[]) => void;
  readonly #onTrouble: (sentence: string) => void;
  readonly #folders = new Map<string, FSWatcher>();
  /** Paths of single files; other files of the same folder do not count. */
  readonly #single = new Set<string>();
  /** What is known of each file, to tell a change from a look. */
  readonly #known = new Map<string, string>();
  readonly #touched = new Set<string>();
  /** Where this process writes: a report is output too, and would lead to the next report. */
  readonly #output = [1, 2].flatMap((descriptor) => fact(() => fstatSync(descriptor)) ?? []);
  #timer: NodeJS.Timeout | undefined;
  #firstAt = 0;
  #isClosed = false;

  /** @param onChange is told the changed files, sorted */
  constructor(settings: WatchSettings, onChange: (files: readonly string[]) => void, onTrouble: (sentence: string) => void) {
    this.#settings = settings;
    this.#onChange = onChange;
    this.#onTrouble = onTrouble;
  }

  start(): void {
    for (const path of this.#settings.paths) {
      const stat = fact(() => lstatSync(path));
      if (stat?.isFile()) {
        this.#single.add(path);
        this.#known.set(path, signatureOf(path));
        this.#watch(dirname(path));
      } else this.#enter(path, false);
    }
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    for (const watcher of this.#folders.values()) watcher.close();
    this.#folders.clear();
  }

  /** @param isNew whether the files in it are changes */
  #enter(folder: string, isNew: boolean): void {
    if (!this.#watch(folder)) return;
    for (const entry of fact(() => readdirSync(folder, { withFileTypes: true })) ?? []) {
      const path = join(folder, entry.name);
      if (this.#isIgnored(path)) continue;
      if (entry.isDirectory()) this.#enter(path, isNew);
      else if (isNew) this.#touch(path);
      else this.#known.set(path, signatureOf(path));
    }
  }

  /** @returns whether the folder is watched now, and was not before */
  #watch(folder: string): boolean {
    if (this.#isClosed || this.#folders.has(folder)) return false;
    try {
      // Paths that are links lead to the folder of now; what the link leads to later is for a reload.
      const watcher = watch(folder, { persistent: false }, (_, name) => this.#onEvent(folder, name));
      watcher.on('error', () => this.#leave(folder)); // the folder is gone
      this.#folders.set(folder, watcher);
      return true;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT' || code === 'ENOTDIR') return false;
      const why =
        code === 'ENOSPC' || code === 'EMFILE'
          ? 'the system watches no more folders (fs.inotify.max_user_watches)'
          : reasonOf(error);
      this.close();
      this.#onTrouble(`files are not watched any more: ${why}; name the folders that matter, as in --watch src`);
      return false;
    }
  }

  #leave(folder: string): void {
    for (const [path, watcher] of this.#folders) {
      if (path !== folder && !path.startsWith(folder + sep)) continue;
      watcher.close();
      this.#folders.delete(path);
    }
    for (const path of this.#known.keys()) if (path.startsWith(folder + sep)) this.#touch(path);
  }

  #onEvent(folder: string, name: string | null): void {
    if (name === null) return;
    const path = join(folder, name);
    if (this.#isIgnored(path)) return;
    const isWatched = this.#settings.paths.some((root) => path === root || path.startsWith(root + sep));
    if (!isWatched) return; // a neighbour of a single file
    const stat = fact(() => lstatSync(path));
    if (stat?.isDirectory()) this.#enter(path, true);
    else if (stat === undefined && this.#folders.has(path)) this.#leave(path);
    else if (!this.#output.some(({ ino, dev }) => ino === stat?.ino && dev === stat.dev)) this.#touch(path);
  }

  #touch(path: string): void {
    this.#touched.add(path);
    const now = performance.now();
    if (this.#timer === undefined) this.#firstAt = now;
    clearTimeout(this.#timer);
    const waitMs = Math.max(0, Math.min(QUIET_MS, this.#firstAt + LONGEST_WAIT_MS - now));
    this.#timer = setTimeout(() => this.#report(), waitMs).unref();
  }

  #report(): void {
    this.#timer = undefined;
    const changed = [...this.#touched].filter((path) => {
      const now = signatureOf(path);
      const isSame = now === (this.#known.get(path) ?? NONE);
      if (now === NONE) this.#known.delete(path);
      else this.#known.set(path, now);
      return !isSame;
    });
    this.#touched.clear();
    if (changed.length > 0) this.#onChange(changed.sort());
  }

  #isIgnored(path: string): boolean {
    const name = basename(path);
    const { ignored, paths } = this.#settings;
    if (ignored.some((each) => each === name || path === each || path.startsWith(each + sep))) return true;
    return !paths.includes(path) && (IGNORED_NAMES.has(name) || IGNORED_FILES.test(name));
  }
}

/** A file that is not there. */
const NONE = '';

function signatureOf(path: string): string {
  const stat = fact(() => lstatSync(path));
  return stat === undefined ? NONE : `${stat.mtimeMs} ${stat.size} ${stat.ino}`;
}
