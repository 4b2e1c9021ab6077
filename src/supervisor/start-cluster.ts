// `startCluster(options)`: an application under supervision. SIGTERM and SIGINT stop it, a second one forces; SIGHUP
// reloads.

import { nextTick } from '../time';
import { Master, type ProcessStatus } from './master/master';
import { resolveSupervisorOptions, type SupervisorOptions } from './options';

export interface Supervised {
  /** The cluster port that every child was given. */
  readonly clusterPort: number;
  /** Agent and workers, in this order. */
  readonly status: ProcessStatus[];
  /**
   * Replaces every process by a new one, workers without losing a request.
   * @throws TrunklineError ERR_TRUNKLINE_RELOAD_FAILED; the old processes stay
   */
  reload(): Promise<void>;
  /** Stops workers, then the agent. `forced`: something had to be killed. Idempotent. */
  stop(): Promise<{ forced: boolean }>;
}

/**
 * Starts agent and workers, and keeps them alive.
 * @param callback as in egg-cluster: called when everything is ready, or with the error
 * @returns resolves when everything is ready
 * @throws TrunklineError ERR_TRUNKLINE_OPTION_INVALID, ERR_TRUNKLINE_BOOT_FAILED
 */
export function startCluster(options: SupervisorOptions, callback?: (error?: unknown) => void): Promise<Supervised> {
  const started = start(options);
  // With a callback nobody need look at the promise.
  if (callback) started.then(() => callback(), callback).catch(throwLater);
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
  const master = new Master(resolved);
  let firstSignalAt: number | undefined;
  const onSignal = (): void => {
    const now = performance.now();
    firstSignalAt ??= now;
    // A terminal and a shell may both send the same Ctrl-C.
    if (now - firstSignalAt > SAME_SIGNAL_MS) master.kill();
    void stop().then(({ forced }) => {
      if (forced) process.exitCode = 1;
    });
  };
  const onHangUp = (): void => {
    master.reload().catch((error: unknown) => resolved.logger.error(String(error)));
  };
  const stop = async (): Promise<{ forced: boolean }> => {
    try {
      return await master.stop();
    } finally {
      for (const signal of SIGNALS) process.removeListener(signal, onSignal);
      process.removeListener('SIGHUP', onHangUp);
    }
  };
  for (const signal of SIGNALS) process.on(signal, onSignal);
  process.on('SIGHUP', onHangUp);
  try {
    await master.start();
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    clusterPort: master.clusterPort!,
    get status() {
      return master.status;
    },
    reload: () => master.reload(),
    stop,
  };
}

const SIGNALS = ['SIGTERM', 'SIGINT'] as const;
/** Signals within this time, ms, are one. */
const SAME_SIGNAL_MS = 500;
