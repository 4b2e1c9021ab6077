// The shared client of a member of a fleet, and how the host of the member stands.

import { fleet, fleetStatus } from '../../src/fleet';
import { etcdEngine } from '../../src/fleet/etcd';
import { redisEngine } from '../../src/fleet/redis';
import type { ClientKind } from '../client-life';
import type { Recorder } from '../history';
import { UpstreamClient, type UpstreamClientOptions } from '../upstream/client';
import { CALL_TIMEOUT_MS, FLEET_CHANNEL, HEARTBEAT_MS, MAX_WAIT_MS, MEMBER_TTL_MS, TTL_MS, type FleetSetup } from './plan';

/** The fleet waits for the engine; the shared client waits a little longer for the fleet, ms. */
const HOP_MS = 1_000;

export function fleetKind({ engine, enginePort, host }: FleetSetup): ClientKind {
  const quiet = () => undefined;
  return {
    upstreamClass: fleet(UpstreamClient, {
      engine:
        engine === 'etcd'
          ? etcdEngine({ endpoints: `http://127.0.0.1:${enginePort}` })
          : redisEngine({ url: `redis://127.0.0.1:${enginePort}` }),
      ...{ group: 'chaos', host, ttlMs: TTL_MS, memberTtlMs: MEMBER_TTL_MS, callTimeoutMs: CALL_TIMEOUT_MS },
      maxWaitMs: MAX_WAIT_MS,
      idempotent: ['incrementAgain'],
      fencing: ([options], { epoch }) => [{ ...(options as UpstreamClientOptions), epoch }],
      logger: { debug: quiet, info: quiet, warn: quiet, error: quiet },
    }),
    options: ({ name }, _slot, port, logger) => ({
      ...{ name, port, logger, heartbeatInterval: HEARTBEAT_MS, connectTimeout: 1_000, maxWaitTime: MAX_WAIT_MS + HOP_MS },
    }),
    readsStreams: false,
    waitMs: MAX_WAIT_MS + HOP_MS,
    responseMs: CALL_TIMEOUT_MS + HOP_MS,
  };
}

/** @returns to be called often: writes down each change in how the host of this process stands, while this process leads on the host */
export function standingWatch(host: string, record: Recorder): () => void {
  let told = '';
  return () => {
    const standing = fleetStatus()[0];
    const { state, epoch, stale } = standing ?? { state: 'follower', epoch: 0, stale: undefined };
    const text = `${state} ${epoch} ${stale}`;
    if (text === told) return;
    told = text;
    record({ kind: 'standing', pid: process.pid, channel: FLEET_CHANNEL.name, host, state, epoch, stale });
  };
}
