// The plan of a fleet: how many hosts there are, which process belongs to which host, and the limits that the options promise.

import { HEARTBEAT_MS, type ChannelPlan } from '../channels';

export const ENGINES = ['etcd', 'redis'] as const;
export type EngineName = (typeof ENGINES)[number];

export const HOSTS = ['a', 'b', 'c'] as const;
/** Processes on each host. */
export const PROCESSES = 2;
export const TTL_MS = 2_000;
/** Longer than the members of a host are frozen, except for the longest freezes. */
export const MEMBER_TTL_MS = 4 * TTL_MS;
export const CALL_TIMEOUT_MS = TTL_MS + 5_000;
export const MAX_WAIT_MS = 8_000;
export { HEARTBEAT_MS };

export const FLEET_CHANNEL: ChannelPlan = {
  name: 'fleet',
  port: 'own',
  isFor: () => true,
  keys: 6,
  listeners: 1,
  listenerMs: 0,
  upstreamMs: 0,
};

export function hostOf(slot: number): string {
  return HOSTS[Math.floor(slot / PROCESSES)]!;
}

/** What a member of a fleet is told. */
export interface FleetSetup {
  readonly engine: EngineName;
  /** The port of the host's own way to the engine. */
  readonly enginePort: number;
  readonly host: string;
}
