// The channels of a run: which processes create each channel, on which port, with which options and habits.

import type { ClientOptions } from '../src/index';

export interface ChannelPlan {
  readonly name: string;
  /**
   * `common`: the port of all channels of that kind. `own`: a port that no other channel uses. `proxied`: a separate port too,
   * which every process except slot 0, the leader, reaches through the proxy.
   */
  readonly port: 'common' | 'own' | 'proxied';
  /** Whether the process in this slot creates the channel. */
  readonly isFor: (slot: number) => boolean;
  /** How many keys the server has for the channel. */
  readonly keys: number;
  /** How many listeners each process has for a subscribed key, at most. */
  readonly listeners: number;
  /** What a listener does with each value, ms of the event loop. */
  readonly listenerMs: number;
  /** How long the upstream client takes to start, and to close, ms. */
  readonly upstreamMs: number;
}

/** A stopped process is found within 2.5 intervals: a second. */
export const HEARTBEAT_MS = 400;
export const RESPONSE_MS = 1_500;
export const MAX_WAIT_MS = 4_000;

export const CHANNELS: readonly ChannelPlan[] = [
  { name: 'plain', port: 'common', isFor: () => true, keys: 6, listeners: 1, listenerMs: 0, upstreamMs: 0 },
  { name: 'crowd', port: 'common', isFor: () => true, keys: 4, listeners: 4, listenerMs: 0, upstreamMs: 100 },
  { name: 'slow', port: 'common', isFor: () => true, keys: 3, listeners: 1, listenerMs: 5, upstreamMs: 0 },
  { name: 'few', port: 'own', isFor: (slot) => slot % 3 === 1, keys: 4, listeners: 2, listenerMs: 0, upstreamMs: 300 },
  { name: 'proxied', port: 'proxied', isFor: (slot) => slot < 5, keys: 4, listeners: 1, listenerMs: 0, upstreamMs: 0 },
];

/** @param onePort whether `few` shares the common port: the leader may then be a process that does not hold the port */
export function channels(onePort: boolean): readonly ChannelPlan[] {
  return CHANNELS.map((plan) => (onePort && plan.port === 'own' ? { ...plan, port: 'common' } : plan));
}

export function channelNamed(name: string): ChannelPlan {
  return CHANNELS.find((plan) => plan.name === name)!;
}

export function keysOf({ keys }: ChannelPlan): string[] {
  return Array.from({ length: keys }, (_, index) => `key-${index}`);
}

/** Options of the shared client. @param port where this process looks for the leader */
export function clusterOptions(
  plan: ChannelPlan,
  slot: number,
  port: number,
  logger: NonNullable<ClientOptions['logger']>,
): ClientOptions {
  // A proof of the user may be bound to the port number, which differs behind a proxy.
  const proxied = plan.port === 'proxied' ? { isLeader: slot === 0, auth: false } : undefined;
  const options = {
    name: plan.name,
    port,
    logger,
    heartbeatInterval: HEARTBEAT_MS,
    responseTimeout: RESPONSE_MS,
    maxWaitTime: MAX_WAIT_MS,
    connectTimeout: 1_000,
  };
  return { ...options, ...proxied };
}
