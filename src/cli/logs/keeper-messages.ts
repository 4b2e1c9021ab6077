// What a daemon and the keeper of its logs say to each other over IPC.

import type { Rotation } from './rotating-log';

export interface LogFiles {
  readonly stdout: string;
  readonly stderr: string;
}

export type ToKeeper = { readonly keep: LogFiles; readonly rotation: Rotation } | { readonly reopen: number };

/** The answer to a `reopen` of this number. */
export interface FromKeeper {
  readonly reopened: number;
  /** Why not. */
  readonly error?: string;
}
