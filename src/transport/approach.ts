// Comes to the process that listens at an endpoint: reads the secret, dials, starts the heartbeat, and introduces this process. The
// one way in which a follower comes to its leader and a leader to the holder of the cluster port.

import type { Endpoint } from '../endpoint';
import type { Connection } from './connection';
import { dial } from './dialer';
import { SILENCE_INTERVALS } from './heartbeat';
import { FIRST_WORD_MS, introduce, type Introduction } from './introduction';
import type { Credentials } from './listener';
import type { PeerSettings } from './peer-settings';

export interface ApproachOptions {
  readonly endpoint: Endpoint;
  readonly credentials: Credentials;
  readonly settings: Pick<PeerSettings, 'connectTimeoutMs' | 'heartbeatIntervalMs' | 'clock' | 'isBackground' | 'scope'>;
  readonly channel: string;
  /** Fingerprint of the methods that this process shares; undefined when the process does not come to be served. */
  readonly methods?: string | undefined;
  /** How long a legacy peer may take for an answer, ms. */
  readonly timeoutMs: number;
  /** Ends the approach, until there is an outcome. */
  readonly signal: AbortSignal;
  /** Gets the connection before anything is said. */
  onDialled?(connection: Connection): void;
}

/**
 * @param ask says more when the kind of the other side is known
 * @param keeps whether the connection is still needed after this outcome, and so no longer ends with the signal; it is closed
 * otherwise
 * @throws what reading the secret throws; nothing is dialled then
 */
export async function approach<T>(
  options: ApproachOptions,
  ask: (introduction: Introduction, connection: Connection) => T | Promise<T>,
  keeps: (outcome: T) => boolean,
): Promise<T | { readonly unreachable: Error }> {
  const { endpoint, credentials, settings, channel, methods, timeoutMs, signal } = options;
  const { connectTimeoutMs, heartbeatIntervalMs, clock, isBackground, scope } = settings;
  const secret = await credentials.secret();
  const dialled = await dial(endpoint, connectTimeoutMs, clock, signal, isBackground, scope);
  if ('unreachable' in dialled) return dialled;
  const { connection } = dialled;
  options.onDialled?.(connection);
  const abort = (): void => void connection.close();
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  let isKept = false;
  try {
    if (heartbeatIntervalMs !== undefined) connection.startHeartbeat(heartbeatIntervalMs, 'leader', channel);
    const firstWordMs = Math.min(FIRST_WORD_MS, (heartbeatIntervalMs ?? Infinity) * SILENCE_INTERVALS);
    const { port } = endpoint;
    const introduction = await introduce(connection, { channel, port, secret, methods, timeoutMs, firstWordMs, clock });
    const outcome = await ask(introduction, connection);
    isKept = keeps(outcome);
    return outcome;
  } finally {
    signal.removeEventListener('abort', abort);
    const closed = isKept ? undefined : connection.close();
    if (signal.aborted) await closed; // no socket is left when the owner of the signal has ended
  }
}
