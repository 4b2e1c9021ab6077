// When a changed file may be read, and when a missing file is gone. A save is several steps, and between them a file is empty, half
// written or missing: a file is read when it has not changed for a while. Pure: told what each look at the files has seen.

import type { Clock } from '../../time';

/** A file that has changed is read when it has stayed the same for this long, ms. File systems count time in steps of up to 10 ms. */
const QUIET_MS = 50;
/** A file that had a content is taken for empty after this time, ms: programs truncate a file before they write. */
const EMPTY_MS = 1_000;
/** A file that is missing is gone after this time, ms: some editors delete the old file before they make the new one. */
const GONE_MS = 200;
/** A file that changes all the time is read after this time, ms, if its format shows a half file as one. */
const RESTLESS_MS = 2_000;

export interface SeenFile {
  readonly key: string;
  readonly signature: string;
  readonly bytes: number;
}

interface FileState {
  signature: string;
  /** Since when the signature is the same, ms of the clock. */
  sameSince: number;
  /** Since when the file waits to be read; undefined: what was read is what is there. */
  waitsSince: number | undefined;
  /** The signature of what was read last. */
  read: string | undefined;
  wasEmpty: boolean;
  missingSince: number | undefined;
}

export class Settling {
  readonly #clock: Clock;
  readonly #states = new Map<string, FileState>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** All files that were seen and are not gone. */
  get keys(): Iterable<string> {
    return this.#states.keys();
  }

  /**
   * A look has seen the file.
   * @param isOld whether the file is known to have been the same for a while, though nobody looked
   * @param isSelfChecking whether half of the file would not parse
   * @returns after how many ms the file may be read, 0: now; undefined: the file was read as it is
   */
  seen({ key, signature, bytes }: SeenFile, isOld: boolean, isSelfChecking: boolean): number | undefined {
    const now = this.#clock.now();
    let state = this.#states.get(key);
    if (!state) {
      const sameSince = isOld ? -Infinity : now;
      state = { signature, sameSince, waitsSince: now, read: undefined, wasEmpty: isOld, missingSince: undefined };
      this.#states.set(key, state);
    }
    if (state.signature !== signature || state.missingSince !== undefined) state.sameSince = now;
    state.signature = signature;
    state.missingSince = undefined;
    if (state.read === signature) {
      state.waitsSince = undefined;
      return undefined;
    }
    state.waitsSince ??= now;
    const quietMs = bytes === 0 && !state.wasEmpty ? EMPTY_MS : QUIET_MS;
    const restMs = quietMs - (now - state.sameSince);
    if (!isSelfChecking) return Math.max(0, restMs);
    return Math.max(0, Math.min(restMs, RESTLESS_MS - (now - state.waitsSince)));
  }

  /** The file was read, and was the same before and after. */
  read({ key, signature, bytes }: SeenFile): void {
    const state = this.#states.get(key);
    if (!state) return;
    state.read = signature;
    state.waitsSince = undefined;
    state.wasEmpty = bytes === 0;
  }

  /** A look has not seen the file. @returns after how many ms the file is gone; 0: it is gone, and forgotten */
  missing(key: string): number {
    const state = this.#states.get(key);
    if (!state) return 0;
    const now = this.#clock.now();
    state.missingSince ??= now;
    const restMs = GONE_MS - (now - state.missingSince);
    if (restMs > 0) return restMs;
    this.#states.delete(key);
    return 0;
  }
}
