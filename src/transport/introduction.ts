// The first messages of a process that has opened a connection, and what the process finds out about the other side: a process
// of this user that proves so, a process of cluster-client 3.x, or something else.

import { randomBytes } from 'node:crypto';
import { agreedDialect } from '../../protocol/dialects';
import { helloOf, isProof, proofOf } from '../../protocol/handshake';
import type { Hello, RegisterResult } from '../../protocol/message';
import { patientTimeout, type Clock } from '../time';
import type { Connection } from './connection';
import { NONCE_BYTES, STRANGER_BYTES } from './listener';

export type Introduction =
  /** A process of ours; both sides speak the agreed dialect from here on. `readsKeys`: a join may carry keys. `looks`: a look is answered. */
  | { readonly kind: 'known'; readonly readsKeys: boolean; readonly looks: boolean }
  /** A process of cluster-client 3.x, which may or may not serve the channel. Frames are still limited as for a stranger. */
  | { readonly kind: 'legacy'; readonly result: RegisterResult }
  /** A process of ours that does not know the secret. */
  | { readonly kind: 'unproven'; readonly why: string }
  /** Something else. */
  | { readonly kind: 'foreign'; readonly heard: string }
  /** The connection was closed. */
  | { readonly kind: 'gone'; readonly error?: Error };

/**
 * A process of trunkline answers at once, no matter what the upstream client does. A program that holds a port and gives no
 * answer for this time, ms, is something else, or does not run.
 */
export const FIRST_WORD_MS = 1_500;

/** The part of that time after which a silent process is pinged. */
const PING_SHARE = 0.2;

export interface IntroductionOptions {
  readonly channel: string;
  /** Where the other side listens. */
  readonly port: number;
  readonly secret: Buffer | undefined;
  /** Fingerprint of the methods that this process shares; undefined when the process does not come to be served. */
  readonly methods?: string | undefined;
  /** For legacy peers, ms. */
  readonly timeoutMs: number;
  /** Silence of this length ends the attempt, ms. */
  readonly firstWordMs: number;
  readonly clock: Clock;
}

/**
 * Settles when the kind of the other side is known. A process of cluster-client 3.x that does not lead the channel stays silent.
 */
export function introduce(connection: Connection, options: IntroductionOptions): Promise<Introduction> {
  const { channel, port, secret, methods, timeoutMs, firstWordMs, clock } = options;
  const nonce = secret && randomBytes(NONCE_BYTES);
  connection.maxFrameBytes = STRANGER_BYTES; // the holder of the port may be any program
  return new Promise((resolve) => {
    const begunAt = clock.now();
    const wasSilent = (): void => {
      const silentMs = Math.round(clock.now() - begunAt);
      resolve({ kind: 'foreign', heard: `accepted the connection and said nothing for ${silentMs} ms` });
    };
    // A process of ours answers before this is over. Some legacy peers answer nothing but a ping while they do not lead the channel.
    let impatience = patientTimeout(clock, firstWordMs * PING_SHARE, () => {
      connection.ping(timeoutMs);
      impatience = patientTimeout(clock, firstWordMs * (1 - PING_SHARE), () => {
        if (connection.messagesHeard === 0) wasSilent();
      });
    });
    connection.receiver = (message) => {
      if (message.type === 'register') resolve({ kind: 'foreign', heard: 'sends back what it is sent' });
      if (message.type !== 'register-result') return;
      impatience.cancel();
      const dialect = agreedDialect(message.hello);
      if (!message.hello || !dialect) {
        resolve({ kind: 'legacy', result: message });
        return;
      }
      const why = secret && nonce && doubt(secret, port, nonce, message.hello);
      if (why) {
        resolve({ kind: 'unproven', why });
        return;
      }
      connection.upgrade(dialect);
      connection.trust();
      const theirs = message.hello.nonce;
      if (secret && nonce && theirs) connection.send({ type: 'prove', proof: proofOf(secret, 'dialer', port, nonce, theirs) });
      const { joinKeys, looks } = message.hello;
      resolve({ kind: 'known', readsKeys: joinKeys === true, looks: looks === true });
    };
    void connection.closed.then((end) => {
      impatience.cancel();
      if (end.reason === 'not-understood') resolve({ kind: 'foreign', heard: `said ${end.error.heard}` });
      else if (end.reason === 'silent' && connection.messagesHeard === 0)
        wasSilent(); // the heartbeat may be the first to notice
      else resolve({ kind: 'gone', ...('error' in end && { error: end.error }) });
    });
    const hello = helloOf({ ...(nonce && { nonce }), ...(methods !== undefined && { methods }), looks: true });
    connection.send({ type: 'register', id: connection.nextId(), timeoutMs, channel, hello });
  });
}

/** What speaks against the proof of the listener; undefined: nothing. */
function doubt(secret: Buffer, port: number, nonce: Buffer, { nonce: theirs, proof }: Hello): string | undefined {
  if (!theirs || !proof) return 'it gives no proof: it has auth switched off';
  return isProof(proofOf(secret, 'listener', port, nonce, theirs), proof)
    ? undefined
    : 'its proof is wrong: it has another secret';
}
