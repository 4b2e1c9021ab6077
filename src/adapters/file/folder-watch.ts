// Watches folders, never files: a watch of a file stays with the old file when a save renames another file to its place, and sees no
// swap of a link on the way.

import { watch, type FSWatcher } from 'node:fs';

interface WatchedFolder {
  readonly identity: string;
  /** Undefined: the system has no watch left, or cannot watch this folder. */
  readonly watcher: FSWatcher | undefined;
}

export class FolderWatch {
  readonly #onEvent: () => void;
  readonly #folders = new Map<string, WatchedFolder>();

  /** @param onEvent something has happened in a folder; what, the files say better */
  constructor(onEvent: () => void) {
    this.#onEvent = onEvent;
  }

  /** Whether events tell of all changes, as far as the system has told so far. */
  get isComplete(): boolean {
    return [...this.#folders.values()].every(({ watcher }) => watcher !== undefined);
  }

  /**
   * Watches these folders and no others.
   * @param folders with what tells a folder from a later one of the same name
   * @returns whether a watch has begun: what changed before must be looked for
   */
  set(folders: ReadonlyMap<string, string>): boolean {
    for (const [path, { identity }] of this.#folders) if (folders.get(path) !== identity) this.#end(path);
    let hasBegun = false;
    for (const [path, identity] of folders) {
      if (this.#folders.get(path)?.watcher) continue;
      const watcher = this.#begin(path);
      hasBegun ||= watcher !== undefined;
      this.#folders.set(path, { identity, watcher });
    }
    return hasBegun;
  }

  close(): void {
    for (const path of [...this.#folders.keys()]) this.#end(path);
  }

  #begin(path: string): FSWatcher | undefined {
    try {
      const watcher = watch(path, { persistent: false }, this.#onEvent);
      watcher.on('error', () => {
        if (this.#folders.get(path)?.watcher === watcher) this.#end(path);
        this.#onEvent();
      });
      return watcher;
    } catch {
      return undefined; // the folder is gone, or the system has no watch left: the files are looked at from time to time
    }
  }

  #end(path: string): void {
    this.#folders.get(path)?.watcher?.close();
    this.#folders.delete(path);
  }
}
