// Joining a leader: dial the process that holds the cluster port, register, and find out what is there.

import { agree, helloOf, readOutcome } from '../../protocol/handshake';
import type { Endpoint } from '../endpoint';
import { adopt, TrunklineError } from '../errors';
import { patientTimeout } from '../time';
import type { Connection } from '../transport/connection';
import { dial } from '../transport/dialer';
import { SILENCE_INTERVALS } from '../transport/heartbeat';
import { Follower } from './follower';
import { FIRST_WORD_MS, foreignPort } from './foreign-port';
import { PeerValues } from './peer-values';
import type { ChannelSpec, RoleHooks } from './role';

export type JoinOutcome =
  | { readonly follower: Follower }
  /**
   * Nobody listens, or the process there is just going: normal while leaders change.
   * `accepted`: the connection was accepted, and closed without an answer.
   */
  | { readonly absent: Error; readonly accepted: boolean }
  /** A leader is there and said no, or something else is there. */
  | { readonly refused: unknown };

/**
 * Connects to the process at the endpoint and registers; waits as long as the leader there is not ready.
 * @param onDialled gets the connection on which it waits
 */
export async function joinLeader(
  spec: ChannelSpec,
  endpoint: Endpoint,
  hooks: RoleHooks,
  signal: AbortSignal,
  onDialled: (connection: Connection) => void,
): Promise<JoinOutcome> {
  const dialled = await dial(endpoint, spec.connectTimeoutMs, spec.clock, signal);
  if ('unreachable' in dialled) {
    // A reset can overtake the news of the connection.
    const accepted = (dialled.unreachable as NodeJS.ErrnoException).code === 'ECONNRESET';
    return { absent: dialled.unreachable, accepted };
  }
  const { connection } = dialled;
  onDialled(connection);
  const abort = (): void => void connection.close();
  signal.addEventListener('abort', abort, { once: true });
  if (signal.aborted) abort();
  try {
    return await register(spec, endpoint, connection, (values) => new Follower(spec, connection, values, hooks));
  } finally {
    signal.removeEventListener('abort', abort);
  }
}

/** The first exchange on a connection. */
async function register(
  spec: ChannelSpec,
  endpoint: Endpoint,
  connection: Connection,
  accepted: (values: PeerValues) => Follower,
): Promise<JoinOutcome> {
  const foreign = (heard: string): JoinOutcome => {
    void connection.close();
    return { refused: foreignPort(spec.name, endpoint, heard) };
  };
  const hello = helloOf([spec.values.name]);
  return new Promise<JoinOutcome>((resolve) => {
    const firstWordMs = Math.min(FIRST_WORD_MS, (spec.heartbeatIntervalMs ?? Infinity) * SILENCE_INTERVALS);
    const impatience = patientTimeout(spec.clock, firstWordMs, () => {
      if (connection.messagesHeard === 0)
        resolve(foreign(`accepted the connection and said nothing for ${Math.round(firstWordMs)} ms`));
    });
    connection.receiver = (message) => {
      if (message.type === 'register') resolve(foreign('sends back what it is sent'));
      if (message.type !== 'register-result') return;
      impatience.cancel();
      try {
        const outcome = readOutcome(message.payload, spec.legacyValues);
        if (outcome.accepted) {
          const values = PeerValues.between(spec, hello, message.hello);
          if (!values) throw new TypeError(`the leader writes values as ${message.hello?.codecs?.join(' or ')}`);
          if (agree(hello, message.hello).version === 2) connection.upgrade();
          resolve({ follower: accepted(values) });
          return;
        }
        resolve({ refused: adopt(outcome.error) });
      } catch (cause) {
        resolve({
          refused: new TrunklineError(
            'ERR_TRUNKLINE_NOT_DECODABLE',
            `${spec.name}: the leader's answer cannot be decoded; use the same transcode in every process`,
            {
              channel: spec.name,
              cause,
            },
          ),
        });
      }
      void connection.close();
    };
    void connection.closed.then((end) => {
      impatience.cancel();
      if (end.reason === 'not-understood') resolve(foreign(`said ${end.error.heard}`));
      else if (end.reason === 'silent') resolve({ refused: end.error });
      else resolve({ absent: new Error('closed the connection without an answer'), accepted: true });
    });
    if (spec.heartbeatIntervalMs !== undefined) connection.startHeartbeat(spec.heartbeatIntervalMs, 'leader', spec.name);
    connection.send({
      type: 'register',
      id: connection.nextId(),
      timeoutMs: spec.responseTimeoutMs,
      channel: spec.name,
      hello,
    });
    connection.ping(spec.responseTimeoutMs);
  });
}
