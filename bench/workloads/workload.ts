// What a workload is to the driver (main.ts): something that is measured once for a peer, in new processes.

import { NOTHING, type WorkerHandle } from '../crew';
import type { PeerName } from '../peers/peer';

/** `quick` proves that a workload runs; the figures mean nothing. */
export type Scale = 'full' | 'quick';

/** The result of a measurement. Figures that do not apply are absent. */
export interface Sample {
  /** The figure that is compared, in the unit of the workload. */
  readonly value: number;
  readonly p50Us?: number;
  readonly p99Us?: number;
  readonly leaderCpuUs?: number;
  readonly followerCpuUs?: number;
  readonly leaderCpuPerCallUs?: number;
  readonly bytesPerFollower?: number;
  readonly wallMs?: number;
  /** Resident memory above that of an empty process. */
  readonly residentMb?: number;
  /** JavaScript files that were loaded. */
  readonly modules?: number;
  /** What was not delivered correctly; empty when all is well. */
  readonly problems: readonly string[];
  /** Errors that the peer has reported, although everything may have arrived. */
  readonly errors: readonly string[];
}

export interface Workload {
  /** For the option --only. */
  readonly name: string;
  readonly title: string;
  /** `/s`: more is better. The others: less is better. */
  readonly unit: '/s' | 'ms' | 'µs' | 'MB';
  readonly peers: readonly PeerName[];
  measure(peer: PeerName, scale: Scale): Promise<Sample>;
}

export async function errorsOf(workers: readonly WorkerHandle[]): Promise<string[]> {
  const errors = await Promise.all(workers.map((worker) => worker.ask('errors', NOTHING)));
  return errors.flat();
}
