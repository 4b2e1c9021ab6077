// The options of the adapter for etcd, checked once.

import { TrunklineError } from '../../errors';
import { resolveEtcdOptions, type EtcdOptions } from '../../etcd/etcd-options';

export interface EtcdClientOptions extends EtcdOptions {
  /**
   * How long registrations stay when the process that leads dies and no other takes over, ms. Rounded up to seconds; a server with the
   * default settings takes 2 s at least. Default 10000.
   */
  readonly timeToLiveMs?: number;
}

export interface ResolvedClientOptions {
  readonly etcd: EtcdOptions;
  readonly timeToLiveSeconds: number;
  /** All endpoints, in an order that does not depend on the order of the option. */
  readonly name: string;
}

const DEFAULT_TIME_TO_LIVE_MS = 10_000;

/** @throws TrunklineError ERR_TRUNKLINE_OPTION_INVALID */
export function resolveClientOptions(options: EtcdClientOptions): ResolvedClientOptions {
  const { timeToLiveMs = DEFAULT_TIME_TO_LIVE_MS, ...etcd } = options;
  if (!(timeToLiveMs > 0 && timeToLiveMs < Infinity)) {
    const sentence = `etcd: timeToLiveMs is a time in ms, greater than 0, but got ${timeToLiveMs}`;
    throw new TrunklineError('ERR_TRUNKLINE_OPTION_INVALID', sentence, { option: 'timeToLiveMs' });
  }
  const { endpoints } = resolveEtcdOptions(etcd);
  const name = endpoints
    .map(({ href }) => href.replace(/\/$/, ''))
    .sort()
    .join(' ');
  return { etcd, timeToLiveSeconds: Math.ceil(timeToLiveMs / 1_000), name };
}
