// The options of the client of etcd, checked once.

import type { SecureContextOptions } from 'node:tls';
import { TrunklineError } from '../errors';
import { isTimerMs } from '../time';

export interface EtcdTlsOptions {
  /** Certificates of the authorities that may have signed the certificate of the server, in PEM. Default: the authorities that Node.js knows. */
  readonly ca?: SecureContextOptions['ca'];
  /** The certificate of this client, in PEM, for a server with `--client-cert-auth`. */
  readonly cert?: SecureContextOptions['cert'];
  /** The private key of that certificate, in PEM. */
  readonly key?: SecureContextOptions['key'];
  readonly passphrase?: string;
  /** The name that the certificate of the server must be for. Default: the host of the endpoint. */
  readonly servername?: string;
}

export interface EtcdOptions {
  /** Addresses of members of an etcd, `http://host:2379` or `https://host:2379`; tried in turn. The list must not be empty. */
  readonly endpoints: string | readonly string[];
  readonly username?: string;
  readonly password?: string;
  readonly tls?: EtcdTlsOptions;
  /** How long a server may take to answer a request, ms. Default 5000. A request is tried at each endpoint at most once. */
  readonly requestTimeoutMs?: number;
  /**
   * The connection with the watches is asked for a sign of life when nothing has come for this time, ms, and given up after 2.5
   * times of silence. Default 3000.
   */
  readonly watchHeartbeatMs?: number;
  /** What the servers have as `--max-request-bytes`. Default 1572864 (1.5 MiB), as in etcd. */
  readonly maxRequestBytes?: number;
}

export interface ResolvedEtcdOptions {
  readonly endpoints: readonly URL[];
  readonly credentials: { readonly username: string; readonly password: string } | undefined;
  readonly tls: EtcdTlsOptions;
  readonly requestTimeoutMs: number;
  readonly watchHeartbeatMs: number;
  readonly maxRequestBytes: number;
}

/** @throws TrunklineError ERR_TRUNKLINE_OPTION_INVALID */
export function resolveEtcdOptions(options: EtcdOptions): ResolvedEtcdOptions {
  const { endpoints, username, password, tls = {} } = options;
  const list = (typeof endpoints === 'string' ? [endpoints] : endpoints).map(endpointOf);
  if (list.length === 0) throw invalid('endpoints', endpoints, 'needs at least one address, e.g. http://127.0.0.1:2379');
  if ((username === undefined) !== (password === undefined))
    throw refused('username', 'etcd: username and password are given together, or neither');
  if ((tls.cert === undefined) !== (tls.key === undefined))
    throw refused('tls', 'etcd: tls.cert and tls.key are given together, or neither');
  const { requestTimeoutMs = 5_000, watchHeartbeatMs = 3_000, maxRequestBytes = 1_572_864 } = options;
  for (const [name, value] of Object.entries({ requestTimeoutMs, watchHeartbeatMs }))
    if (!isTimerMs(value)) throw invalid(name, value, 'is a time in ms, greater than 0');
  if (!Number.isSafeInteger(maxRequestBytes) || maxRequestBytes < 1)
    throw invalid('maxRequestBytes', maxRequestBytes, 'is a number of bytes');
  const credentials = username === undefined || password === undefined ? undefined : { username, password };
  return { endpoints: list, credentials, tls, requestTimeoutMs, watchHeartbeatMs, maxRequestBytes };
}

function endpointOf(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !['http:', 'https:'].includes(url.protocol))
    throw invalid('endpoints', text, 'takes addresses such as http://127.0.0.1:2379 or https://etcd.example:2379');
  // The address is part of messages, where no password belongs.
  if (url.username || url.password)
    throw refused('endpoints', `etcd: endpoints: ${url.host} has a user in its address; use the options username and password`);
  return url;
}

function invalid(name: string, value: unknown, rule: string): TrunklineError {
  return refused(name, `etcd: ${name} ${rule}, but got ${JSON.stringify(value)}`);
}

function refused(option: string, sentence: string): TrunklineError {
  return new TrunklineError('ERR_TRUNKLINE_OPTION_INVALID', sentence, { option });
}
