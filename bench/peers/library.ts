// trunkline and cluster-client as peers. They have the same API, so this is one file and the package is its parameter.

import { createRequire } from 'node:module';
import type trunkline from '../../src/index';
import { RegistryUpstream } from '../registry';
import type { Peer } from './peer';

const quiet = () => undefined;
const QUIET = { debug: quiet, info: quiet, warn: quiet, error: quiet };

/** Queues of a saturated machine are what is measured; they must not end in timeouts, ms. */
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
