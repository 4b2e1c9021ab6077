// `startCluster(options)`: an application under supervision. SIGTERM and SIGINT stop it, a second one forces; SIGHUP
// reloads.

import { Master, type ProcessStatus } from './master';
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
export async function startCluster(options: SupervisorOptions, callback?: (error?: unknown) => void): Promise<Supervised> {
  try {
    const supervised = await start(options);
    callback?.();
    return supervised;
  } catch (error) {
    if (!callback) throw error;
    callback(error);
    throw error;
  }
}

async function start(options: SupervisorOptions): Promise<Supervised> {
  const resolved = resolveSupervisorOptions(options);
  const master = new Master(resolved);
  let signals = 0;
  const onSignal = (): void => {
    if (++signals === 1) void master.stop();
    else master.kill();
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
