// What is compared: programs that start the processes of an application and look after them.

import type { Stage } from '../stage';

/** How many workers every application has. */
export const WORKERS = 4;

/** `http`: workers only. `agent`: beside them an agent. `shared`: all of them with a shared client. */
export type Shape = 'http' | 'agent' | 'shared';

export interface Peer {
  readonly name: string;
  /** Starts an application, which ends with the stage. Whoever wants to know when it is ready looks at the reports. */
  start(stage: Stage, shape: Shape): Application | Promise<Application>;
}

export interface Application {
  /** When the process was spawned that starts the others; of `clock()`. */
  readonly startedAtMs: number;
  /** Replaces every worker; resolves when that is done. */
  reload(): Promise<void>;
}
