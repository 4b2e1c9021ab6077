// `etcdEngine()`: a fleet over etcd 3.4 or newer, over gRPC where the package @grpc/grpc-js is installed, else over etcd's JSON gateway.

import type { Engine } from '../../engine';
import { EtcdGateway } from '../../../etcd/etcd-gateway';
import { EtcdGrpc } from '../../../etcd/grpc/etcd-grpc';
import { loadGrpc } from '../../../etcd/grpc/grpc-channel';
import { resolveEtcdOptions, type EtcdTlsOptions } from '../../../etcd/etcd-options';
import { TrunklineError } from '../../../errors';
import type { Dial } from './etcd-client';
import { GroupKeys } from './keys';
import { EtcdSession } from './session';

export type { EtcdTlsOptions };

export interface EtcdEngineOptions {
  /** Addresses of members of one etcd, `http://host:2379` or `https://host:2379`; tried in turn. At least one. */
  readonly endpoints: string | readonly string[];
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  readonly tls?: EtcdTlsOptions | undefined;
  /**
   * `grpc` needs the package @grpc/grpc-js, and one connection a host; `gateway` needs no package, about four connections, and three
   * times the processor time of etcd. Default: `grpc` where the package is installed.
   */
  readonly over?: 'grpc' | 'gateway' | undefined;
  /** What the keys of all fleets begin with. Default `/trunkline`. */
  readonly prefix?: string | undefined;
  /** The leader forgets the history of etcd every five minutes. Only for an etcd that the fleet has for itself. Default false. */
  readonly compact?: boolean | undefined;
  /** What the servers have as `--max-request-bytes`. Default 1572864 (1.5 MiB), as in etcd. */
  readonly maxRequestBytes?: number | undefined;
}

/** Room for keys, conditions and numbers in a transaction that is measured by its values. */
const ENVELOPE_BYTES = 128 * 1024;
/** etcd takes 128 operations; some are conditions and guards, and a nested transaction counts by its own operations, too. */
const BATCH_SIZE = 100;

/**
 * An engine for `fleet()`. Nothing is connected before the fleet is.
 * @throws TrunklineError ERR_TRUNKLINE_OPTION_INVALID
 */
export function etcdEngine(options: EtcdEngineOptions): Engine {
  const { endpoints, username, password, tls, maxRequestBytes, prefix = '/trunkline', compact = false } = options;
  const given = {
    endpoints,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
    ...(tls !== undefined && { tls }),
    ...(maxRequestBytes !== undefined && { maxRequestBytes }),
  };
  const resolved = resolveEtcdOptions(given);
  const valueBytes = resolved.maxRequestBytes - ENVELOPE_BYTES;
  if (valueBytes < ENVELOPE_BYTES) throw invalid('maxRequestBytes', `is at least ${2 * ENVELOPE_BYTES}`);
  if (typeof prefix !== 'string' || prefix === '' || prefix.endsWith('/'))
    throw invalid('prefix', 'is a text without a slash at its end, e.g. /trunkline');
  const { over } = options;
  if (over !== undefined && over !== 'grpc' && over !== 'gateway')
    throw invalid('over', `is 'grpc' or 'gateway', but got ${JSON.stringify(over)}`);
  const addresses = resolved.endpoints.map(({ href }) => href);
  return {
    name: 'etcd',
    limits: { valueBytes, batchSize: BATCH_SIZE, batchBytes: valueBytes },
    open: (setup, listener) => {
      const isOverGrpc = over === undefined ? isGrpcInstalled() : over === 'grpc';
      const dial: Dial = (attempt) => {
        const first = attempt % addresses.length;
        const client = {
          ...given,
          endpoints: [...addresses.slice(first), ...addresses.slice(0, first)],
          requestTimeoutMs: setup.verbTimeoutMs,
        };
        // The package has no way to let its streams go, so over gRPC they keep the process alive until `close()`.
        if (isOverGrpc) return new EtcdGrpc(client);
        const gateway = new EtcdGateway(client);
        gateway.unref(); // the fleet's client holds the process
        return gateway;
      };
      return new EtcdSession(dial, new GroupKeys(prefix, setup.group), setup, listener, compact);
    },
  };
}

function isGrpcInstalled(): boolean {
  try {
    loadGrpc();
    return true;
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'ERR_TRUNKLINE_PACKAGE_MISSING') throw error;
    return false;
  }
}

function invalid(option: string, rule: string): TrunklineError {
  return new TrunklineError('ERR_TRUNKLINE_OPTION_INVALID', `etcdEngine(options): option ${option} ${rule}`, { option });
}
