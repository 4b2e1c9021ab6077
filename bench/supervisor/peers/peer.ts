// What is compared: programs that start the processes of an application and look after the processes.

import type { Stage } from '../stage';

/** How many workers every application has. */
export const WORKERS = 4;

/** `http`: workers only. `agent`: workers and an agent. `shared`: all with a shared client. */
export type Shape = 'http' | 'agent' | 'shared';

export interface Peer {
  readonly name: string;
  /** Starts an application, which ends with the stage. The reports say when the application is ready. */
  start(stage: Stage, shape: Shape): Application | Promise<Application>;
  /** Whether compiled code is kept from start to start: then one start comes before those that are measured. */
  readonly keepsCode?: boolean;
  /** Left out under a Node.js that cannot keep compiled code. */
  readonly needsCompileCache?: boolean;
}

export interface Application {
  /** When the process was spawned that starts the others; of `clock()`. */
  readonly startedAtMs: number;
  /** Replaces every worker; resolves when that is done. */
  reload(): Promise<void>;
  /** Ends in order, so that compiled code is written. */
  stop?(): Promise<void>;
}
