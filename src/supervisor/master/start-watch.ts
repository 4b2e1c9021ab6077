// Watches a child until ready: after a while the log says what the child is waiting for, and at the time limit the child is
// killed. A child that somebody has suspended (SIGSTOP) cannot become ready, and is not waited for.

import { readFileSync } from 'node:fs';
import { fact } from '../../facts';
import { patientTimeout, systemClock, type Clock, type Patience } from '../../time';

/** A worker that is expected to listen, and does not, gets a hint in the log after this time, ms. */
const HINT_MS = 5_000;
/** The time between two looks whether the child is suspended, ms. */
const LOOK_MS = 1_000;
/** How many looks in a row must find the child suspended: Ctrl-Z suspends all processes for a while, but not all at once. */
const SUSPENDED_LOOKS = 2;

/** The part of ChildHandle that is watched. */
export interface StartingChild {
  readonly pid: number | undefined;
  /** The pid of a child process; undefined for a thread. */
  readonly processId: number | undefined;
  readonly isReadyWhenListening: boolean;
  readonly whyNotReady: string;
  readonly ready: Promise<void>;
  readonly ended: Promise<unknown>;
  kill(reason: string): void;
}

export class StartWatch {
  readonly #limitMs: number;
  readonly #warn: (hint: string) => void;
  readonly #clock: Clock;
  readonly #isSuspended: (pid: number) => boolean;
  #child: StartingChild | undefined;
  #hint: Patience | undefined;
  #look: Patience | undefined;

  /** @param limitMs the child is killed when not ready after this time */
  constructor(
    limitMs: number,
    warn: (hint: string) => void,
    { clock = systemClock, isSuspended = isSuspendedProcess }: { clock?: Clock; isSuspended?: (pid: number) => boolean } = {},
  ) {
    this.#isSuspended = isSuspended;
    this.#limitMs = limitMs;
    this.#warn = warn;
    this.#clock = clock;
  }

  begin(child: StartingChild): void {
    this.#child = child;
    const limit = patientTimeout(this.#clock, this.#limitMs, () => {
      child.kill(`not ready after ${this.#limitMs} ms (startTimeout): ${child.whyNotReady}`);
    });
    this.hintLater();
    this.#lookLater(child, SUSPENDED_LOOKS);
    void Promise.race([child.ready, child.ended]).then(() => {
      this.#child = undefined;
      limit.cancel();
      this.#hint?.cancel();
      this.#look?.cancel();
    });
  }

  /** @param looks how many more looks must find the child suspended before the child is killed */
  #lookLater(child: StartingChild, looks: number): void {
    const { processId } = child;
    if (processId === undefined) return;
    this.#look = patientTimeout(this.#clock, LOOK_MS, () => {
      const left = this.#isSuspended(processId) ? looks - 1 : SUSPENDED_LOOKS;
      if (left > 0) this.#lookLater(child, left);
      else child.kill('it was suspended (SIGSTOP) before it was ready');
    });
  }

  /** The situation has changed: the hint is given when nothing else comes for a while. */
  hintLater(): void {
    const child = this.#child;
    if (!child?.isReadyWhenListening) return;
    this.#hint?.cancel();
    this.#hint = patientTimeout(this.#clock, HINT_MS, () => {
      this.#warn(`not ready yet, pid=${child.pid}: ${child.whyNotReady}`);
    });
  }
}

/** Whether a process is suspended, as Linux tells; elsewhere a suspended child is killed at the time limit. */
function isSuspendedProcess(pid: number): boolean {
  return fact(() => /\) T /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))) ?? false;
}
