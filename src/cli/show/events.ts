// What happens to an application that a command has started, as events for a reader: a terminal, a log file, a program that
// reads JSON, or the command that has started a daemon.

import type { ProcessStatus } from '../../supervisor/start-cluster';
import type { ApplicationStatus } from '../control/control-protocol';

export type StartEvent =
  | {
      readonly event: 'starting';
      readonly pid: number;
      readonly name: string;
      readonly workers: number;
      readonly hasAgent: boolean;
    }
  | { readonly event: 'progress'; readonly progress: StartProgress }
  | { readonly event: 'ready'; readonly status: ApplicationStatus; readonly tookMs: number; readonly steps: readonly Step[] }
  /** `code`: that of the process. */
  | { readonly event: 'failed'; readonly message: string; readonly code: number }
  | { readonly event: 'log'; readonly level: 'info' | 'warn' | 'error'; readonly message: string }
  /** A process of a running application is in another state. */
  | { readonly event: 'process'; readonly process: ProcessStatus }
  /** A reload for which nobody has given a command. */
  | { readonly event: 'reloading'; readonly reason: string }
  | { readonly event: 'reloaded'; readonly tookMs: number }
  /** The dashboard of the start listens. */
  | { readonly event: 'dashboard'; readonly url: string }
  | { readonly event: 'stopping' }
  | { readonly event: 'stopped'; readonly forced: boolean };

export interface StartProgress {
  /** undefined: there is none. */
  readonly agent: 'starting' | 'ready' | undefined;
  readonly agentTookMs: number | undefined;
  readonly workersReady: number;
  readonly workers: number;
  readonly elapsedMs: number;
}

/** How long a process took to become ready. */
export interface Step {
  readonly name: string;
  readonly tookMs: number;
}

export type Report = (event: StartEvent) => void;
