// The symbolic links on the way to a file. A swap of a link gives a file another value, and the file behind the link may be years old:
// the time of the swap is the time of the link, and only the folder of the link tells of the swap.

import { lstat, readlink } from 'node:fs/promises';
import { dirname, join, parse, resolve, sep } from 'node:path';

/** As many links as Linux follows in one path. */
const MAX_LINKS = 40;

interface Step {
  readonly changedUs: number;
  /** Where the link points to; undefined: no link. */
  readonly target: string | undefined;
}

/** The links that one look at the files has met. Every part of a path is looked at once. */
export class Links {
  /** The folders that hold a link. */
  readonly folders = new Set<string>();
  readonly #steps = new Map<string, Promise<Step | undefined>>();

  /** @returns when the newest link on the way to the path was made, µs since 1970; 0: there is none */
  async newestUs(path: string, depth = 0): Promise<number> {
    let newest = 0;
    let at = parse(path).root;
    for (const part of path.slice(at.length).split(sep).filter(Boolean)) {
      const here = join(at, part);
      const step = await this.#step(here);
      if (!step) return newest;
      if (step.target === undefined) {
        at = here;
        continue;
      }
      this.folders.add(dirname(here));
      newest = Math.max(newest, step.changedUs);
      if (depth < MAX_LINKS) newest = Math.max(newest, await this.newestUs(step.target, depth + 1));
      at = step.target;
    }
    return newest;
  }

  #step(path: string): Promise<Step | undefined> {
    let step = this.#steps.get(path);
    if (!step) {
      step = lookAt(path);
      this.#steps.set(path, step);
    }
    return step;
  }
}

/** @returns undefined when nothing is there, or nobody may look */
async function lookAt(path: string): Promise<Step | undefined> {
  try {
    const info = await lstat(path, { bigint: true });
    const target = info.isSymbolicLink() ? resolve(dirname(path), await readlink(path)) : undefined;
    return { changedUs: Number(info.ctimeNs / 1_000n), target };
  } catch {
    return undefined; // the path itself says why, when it is read
  }
}
