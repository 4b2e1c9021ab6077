// `startCluster(options)`: an application under supervision. SIGTERM, SIGINT and SIGQUIT stop it, a second one forces;
// SIGHUP reloads. With the entry of a child and the command line the only place that ends a process.

import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { defaultLogger, type Logger } from '../logger';
import { nextTick, soon } from '../time';
import { Master } from './master/master';
import type { SlotStatus } from './master/slot';
import { asAppMessage, type Address } from './messages';
import type { Messenger } from './messenger';
import { resolveSupervisorOptions, type SupervisorOptions } from './options';

/** One process or thread of the application. */
export type ProcessStatus = SlotStatus;

export interface Supervised {
  /** The cluster port that every child was given. */
  readonly clusterPort: number;
  /** Where the workers listen; undefined if they do not. */
  readonly address: Address | undefined;
  /** Agent and workers, in this order. */
  readonly status: ProcessStatus[];
  /** Messages from and to the master. */
  readonly messenger: Messenger;
  /** Messages that had no living receiver. */
  readonly undelivered: number;
  /**
   * Replaces every process by a new one, workers without losing a request.
   * @throws TrunklineError ERR_TRUNKLINE_RELOAD_FAILED; the old processes stay
   */
  reload(): Promise<void>;
  /** Stops and starts every process; requests are not served meanwhile. */
  restart(): Promise<void>;
  /**
   * So many workers from now on.
   * @throws TrunklineError ERR_TRUNKLINE_OPTION_INVALID, ERR_TRUNKLINE_RELOAD_FAILED; there are as many as before
   */
  scale(workers: number): Promise<void>;
  /** Stops workers, then the agent. `forced`: something had to be killed. Idempotent. */
  stop(): Promise<{ forced: boolean }>;
  /** Resolves when everything has ended, by `stop()` or a signal. */
  readonly ended: Promise<{ forced: boolean }>;
}

/**
 * Starts agent and workers, and keeps them alive.
 * @param callback as in egg-cluster: called when everything is ready, or with the error, for which the process will end
 *   with code 1
 * @returns resolves when everything is ready
 * @throws TrunklineError ERR_TRUNKLINE_OPTION_INVALID, ERR_TRUNKLINE_BOOT_FAILED
 */
export function startCluster(options: SupervisorOptions = {}, callback?: (error?: unknown) => void): Promise<Supervised> {
  const started = start(options);
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

/** What a callback of the user throws is an uncaught exception, as it would be anywhere. */
function throwLater(error: unknown): void {
  nextTick(() => {
    throw error;
  });
}

async function start(options: SupervisorOptions): Promise<Supervised> {
  const resolved = resolveSupervisorOptions(options);
  writePidFile(resolved.pidFile);
  if (resolved.title !== undefined) process.title = resolved.title;
  const master = new Master(resolved);
  const quiet = listen(master, resolved.logger);
  void master.ended.then(() => {
    quiet();
    if (resolved.pidFile !== undefined) rmSync(resolved.pidFile, { force: true });
  });
  await master.start();
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
    restart: () => master.restart(),
    scale: (workers) => master.scale(workers),
    stop: () => master.stop(),
    ended: master.ended,
  };
}

const SIGNALS = ['SIGTERM', 'SIGINT', 'SIGQUIT'] as const;
/** Signals within this time, ms, are one. */
const SAME_SIGNAL_MS = 500;

/** Signals, and messages of the parent process. @returns ends it */
function listen(master: Master, logger: Logger): () => void {
  let firstSignalAt: number | undefined;
  const onSignal = (signal: NodeJS.Signals): void => {
    const now = performance.now();
    firstSignalAt ??= now;
    // A terminal and a shell may both send the same Ctrl-C.
    if (now - firstSignalAt > SAME_SIGNAL_MS) master.kill();
    void master.stop().then(({ forced }) => {
      if (forced) process.exitCode = 1;
      // Whoever asked for the end of this process gets it, unless the program has a say in it.
      soon(() => {
        if (process.listenerCount(signal) === 0) process.exit();
      });
    });
  };
  const onHangUp = (): void => {
    master.reload().catch((error: unknown) => logger.error(String(error)));
  };
  const onMessage = (message: unknown): void => {
    const given = asAppMessage(message);
    if (given) master.onParentMessage(given);
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  process.on('SIGHUP', onHangUp);
  if (process.send) process.on('message', onMessage);
  return () => {
    for (const signal of SIGNALS) process.removeListener(signal, onSignal);
    process.removeListener('SIGHUP', onHangUp);
    process.removeListener('message', onMessage);
  };
}

function writePidFile(path: string | undefined): void {
  if (path === undefined) return;
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${process.pid}\n`);
}
