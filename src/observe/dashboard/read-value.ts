// The last value of a key, for the value inspector: this process follows the channel for a moment and asks for the key. The leader
// has the value already, so its upstream client is asked for nothing.

import type cluster from '../../index';

/** The key of a channel whose value somebody wants to see. */
export interface WantedValue {
  readonly channel: string;
  /** The cluster port of the channel. */
  readonly port: number | undefined;
  /** As the view of the host has it. */
  readonly key: string;
}

const WAIT_MS = 3_000;
const QUIET = { info: (): void => undefined, warn: (): void => undefined, error: (): void => undefined };

/** What a follower never makes. */
class Nothing {
  subscribe(_registration: unknown, _listener: (value: unknown) => void): void {
    throw new Error('a reader of values does not lead');
  }
}

/**
 * Reads the last value of a key whose processes share a secret with this one: the processes of the application that this program has
 * started, or processes of this user without a supervisor. Ask only for keys that are subscribed: others would be subscribed for it.
 * @throws Error with a sentence
 */
export async function readValue({ channel, port, key }: WantedValue): Promise<unknown> {
  const registration = registrationOf(key);
  // Loaded when somebody wants to see a value: a dashboard alone has no shared client.
  const { default: share } = require('../../index') as { default: typeof cluster };
  const client = share(Nothing, {
    name: channel,
    port,
    isLeader: false,
    identity: 'ignore',
    maxWaitTime: WAIT_MS,
    logger: QUIET,
  }).create();
  client.on('error', () => undefined); // told by the promise
  try {
    return await client.once(registration, { signal: AbortSignal.timeout(WAIT_MS) });
  } catch (error) {
    throw new Error(`no value of ${channel} within ${WAIT_MS / 1_000} s: ${(error as Error).message}`, { cause: error });
  } finally {
    await client.close();
  }
}

/** @throws Error when the key is not the JSON of its registration */
function registrationOf(key: string): unknown {
  try {
    return JSON.parse(key) as unknown;
  } catch {
    throw new Error(
      'the key of this registration is not JSON, so only processes that know the registration can ask for its value',
    );
  }
}
