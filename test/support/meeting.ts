// How a process takes part at a cluster port, for tests below the client.

import { loopback } from '../../src/endpoint';
import type { Meeting } from '../../src/election/term';
import { systemClock } from '../../src/time';
import { recordingLogger } from './recording-logger';

/** The secret that the processes of a user share. */
export const SECRET = Buffer.alloc(32, 7);

/** @param changes what this process has otherwise */
export function meetingAt(port: number, changes: Partial<Meeting> = {}): Meeting {
  return {
    endpoint: loopback(port),
    credentials: credentialsOf(SECRET),
    connectTimeoutMs: 2_000,
    heartbeatIntervalMs: undefined,
    allowsLegacyPeers: false,
    clock: systemClock,
    logger: recordingLogger(),
    ...changes,
  };
}

/** @param secret undefined: auth is off */
export function credentialsOf(secret: Buffer | undefined): Meeting['credentials'] {
  return { label: secret ? secret.toString('hex') : 'none', secret: () => Promise.resolve(secret) };
}
