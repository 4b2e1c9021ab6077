// trunkline and cluster-client as peers. Both have the same API: this file takes the package as a parameter.

import { createRequire } from 'node:module';
import type trunkline from '../../src/index';
import { RegistryUpstream } from '../registry';
import type { Peer } from './peer';

const quiet = () => undefined;
const QUIET = { debug: quiet, info: quiet, warn: quiet, error: quiet };

/** The limit of a call, ms: queues of a saturated machine are measured, and must not end in timeouts. */
const RESPONSE_TIMEOUT_MS = 60_000;

export function library(packageName: 'trunkline' | 'cluster-client'): Peer {
  const cluster = createRequire(__filename)(packageName) as typeof trunkline;
  return {
    join: async ({ role, port, entries, onError }) => {
      const client = cluster(RegistryUpstream, {
        port,
        logger: QUIET,
        responseTimeout: RESPONSE_TIMEOUT_MS,
        ...(role !== 'competitor' && { isLeader: role === 'leader' }),
      }).create(entries);
      client.on('error', onError);
      await client.ready();
      return client;
    },
  };
}
