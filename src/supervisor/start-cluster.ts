// `startCluster(options)`: options in, an application under supervision out.

import type { HostView } from '../host-view';
import { defaultLogger } from '../logger';
import { nextTick } from '../time';
import { isSupervised } from './child/runtime';
import { entryFile } from './host/entry-file';
import { surviveLostOutput } from './host/lost-output';
import { Master } from './master/master';
import type { SlotStatus } from './master/slot';
import { asAppMessage, type Address } from './messaging/messages';
import type { Messenger } from './messaging/messenger';
import { checkWorkers, resolveSupervisorOptions, type ResolvedSupervisorOptions, type SupervisorOptions } from './host/options';
import { PidFile } from './host/pid-file';
import { heedSignals } from './host/signals';
import { assertCanSupervise, assertMayStart, lackOfRuntime, ownWhereabouts } from './host/whereabouts';

/** A process or thread of the application. */
export type ProcessStatus = SlotStatus;

export interface Supervised {
  /** The cluster port that every child was given. */
  readonly clusterPort: number;
  /** Where the workers listen; undefined if no worker listens. */
  readonly address: Address | undefined;
  /** Agent and workers, in this order. */
  readonly status: ProcessStatus[];
  /** Messages from and to the master. */
  readonly messenger: Messenger;
  /** Messages that had no living receiver. */
  readonly undelivered: number;
  /**
   * Replaces every process by a new process, workers without losing a request.
   * @throws TrunklineError ERR_TRUNKLINE_RELOAD_FAILED; the old processes stay
   */
  reload(): Promise<void>;
  /**
   * Stops and starts every process; requests are not served meanwhile.
   * @param name of a single process, such as `worker 2`; the others go on
   */
  restart(name?: string): Promise<void>;
  /**
   * Sets the number of workers.
   * @throws TrunklineError ERR_TRUNKLINE_OPTION_INVALID, ERR_TRUNKLINE_RELOAD_FAILED; the number is as before then
   */
  scale(workers: number): Promise<void>;
  /** Stops workers, then the agent. `forced`: something had to be killed. Idempotent. */
  stop(): Promise<{ forced: boolean }>;
  /** One look at the application: processes, channels of the shared clients, what happened lately. At most half a second. */
  view(): Promise<HostView>;
  /** A view at once and within a second after each change, for `for await`. The loop ends when the signal aborts. */
  watch(signal: AbortSignal): AsyncIterable<HostView>;
  /** Resolves when everything has ended, by `stop()` or a signal. */
  readonly ended: Promise<{ forced: boolean }>;
}

/**
 * Starts agent and workers, and keeps all processes alive. When a signal ends the start, neither the promise settles nor the
 * callback is called, and the process ends with code 0.
 * @param callback as in egg-cluster: called when everything is ready, or with the error, after which the process ends with code
 * 1
 * @returns resolves when everything is ready
 * @throws TrunklineError ERR_TRUNKLINE_CANNOT_SUPERVISE, ERR_TRUNKLINE_OPTION_INVALID, ERR_TRUNKLINE_BOOT_FAILED
 */
export function startCluster(options: SupervisorOptions = {}, callback?: (error?: unknown) => void): Promise<Supervised> {
  const started = resolveAndSupervise(options).then((application) => application ?? neverStarted());
  if (callback) {
    // With a callback nobody need look at the promise, and callbacks of egg-cluster do not look at the error.
    started
      .then(
        () => callback(),
        (error: unknown) => {
          process.exitCode = 1;
          (options.logger ?? defaultLogger).error(String((error as Error).message));
          callback(error);
        },
      )
      .catch(throwLater);
  }
  return started;
}

/** An error of the user's callback is an uncaught exception, like any other error in a callback. */
function throwLater(error: unknown): void {
  nextTick(() => {
    throw error;
  });
}

/** The end was asked for and is no failure, also for a program that awaits the start at top level. */
function neverStarted(): Promise<never> {
  process.exitCode ??= 0;
  return new Promise(() => undefined);
}

async function resolveAndSupervise(options: SupervisorOptions): Promise<Supervised | undefined> {
  assertCanStart();
  return await supervise(resolveSupervisorOptions(options));
}

/**
 * Before anything else is begun, and before a word about options.
 * @throws TrunklineError ERR_TRUNKLINE_CANNOT_SUPERVISE
 */
export function assertCanStart(): void {
  assertCanSupervise(ownWhereabouts(isSupervised()));
  entryFile('child/entry');
}

/**
 * Like `startCluster`, for callers that have resolved the options, have called `assertCanStart`, and have to know all ends.
 * @returns undefined when a signal has ended the start, and everything has ended
 */
export async function supervise(resolved: ResolvedSupervisorOptions): Promise<Supervised | undefined> {
  for (const warning of [assertMayStart(resolved.startMode), lackOfRuntime()])
    if (warning !== undefined) resolved.logger.warn(warning);
  const pidFile = resolved.pidFile === undefined ? undefined : new PidFile(resolved.pidFile);
  pidFile?.write();
  // A framework's launcher finds the master by the command line, which a title would overwrite.
  if (resolved.title !== undefined && resolved.programs.kind === 'files') process.title = resolved.title;
  const master = new Master(resolved);
  const undo = [heedSignals(master, resolved.logger), heedParent(master), surviveLostOutput()];
  void master.ended.then(() => {
    for (const each of undo) each();
    pidFile?.remove();
  });
  if (!(await master.start())) return undefined;
  return {
    clusterPort: master.clusterPort!,
    get address() {
      return master.address;
    },
    get status() {
      return master.status;
    },
    messenger: master.messenger,
    get undelivered() {
      return master.undelivered;
    },
    reload: () => master.reload(),
    restart: (name) => master.restart(name),
    scale: async (workers) => master.scale(checkWorkers(workers, resolved)),
    stop: () => master.stop(),
    view: () => master.overview.read(),
    watch: (signal) => master.overview.watch(signal),
    ended: master.ended,
  };
}

/** Handles messages in egg's form from the parent process. @returns removes the handler */
function heedParent(master: Master): () => void {
  const onMessage = (message: unknown): void => {
    const given = asAppMessage(message);
    if (given) master.onParentMessage(given);
  };
  if (process.send) process.on('message', onMessage);
  return () => process.removeListener('message', onMessage);
}
