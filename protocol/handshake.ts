// The pure steps at the beginning of a connection: the hello of each side, how the proof of knowing the secret is computed
// (transport/introduction.ts and listener.ts exchange the proofs), and how acceptance
// and refusal are written for a peer without a hello, which is a process of cluster-client 3.x.

import { createHmac, timingSafeEqual } from 'node:crypto';
import { VERSIONS } from './dialects';
import { fromErrorValue, toErrorValue } from './error-value';
import { encodeThrown, type ThrownCodec } from './thrown';
import type { ChannelId, Hello } from './message';
import { decodeStructured } from './structured-decoder';
import { encodeStructured } from './structured-encoder';
import { type CodecName, isCodecName, type ValueCodec } from './value-codec';

/** The hello of a process of trunkline. */
export function helloOf(own: Omit<Hello, 'versions'> = {}): Hello {
  return { versions: VERSIONS, ...own };
}

/** Whether two processes that ask for these channels share a leader. */
export function isSameChannel(one: ChannelId, other: ChannelId): boolean {
  return one.name === other.name && (!one.isStrict || !other.isStrict || one.identity === other.identity);
}

/** The channel of a client of this process. */
export interface OwnChannelId extends ChannelId {
  /**
   * Whether the client leads next to clients of this process that have the same name and other constructor arguments, as an
   * agent has for two servers or namespaces. Never sent: to another process the name alone counts. Undefined: no.
   */
  readonly leadsApart?: boolean | undefined;
}

/** Whether the client leads next to another client of this process instead of following it. */
export function leadsApart(channel: OwnChannelId, other: ChannelId): boolean {
  return channel.leadsApart === true && hasOtherArguments(channel, other);
}

/** Whether both were made with constructor arguments that count, and not with the same. */
export function hasOtherArguments(one: ChannelId, other: ChannelId): boolean {
  return one.identity !== other.identity && one.identity !== '' && other.identity !== '';
}

/** How values are written on a connection; undefined: no way that both know. @param own the leader's, the best first */
export function chooseCodec(own: readonly string[], theirs: readonly string[]): CodecName | undefined {
  return own.find((name): name is CodecName => isCodecName(name) && theirs.includes(name));
}

/**
 * Shows that a side knows the secret. The proof contains the role, or a proof could be sent back to the side that made the
 * proof, and the port, or a proof could be passed on to a listener on another port.
 * @param port where the listener listens
 */
export function proofOf(
  secret: Buffer,
  role: 'listener' | 'dialer',
  port: number,
  dialerNonce: Buffer,
  listenerNonce: Buffer,
): Buffer {
  const parts = [Buffer.from(`trunkline v2 ${role}`), uint16(port), dialerNonce, listenerNonce];
  const bytes = Buffer.concat(parts.flatMap((part) => [uint16(part.length), part]));
  return createHmac('sha256', secret).update(bytes).digest();
}

/** Takes the same time wherever the two differ. */
export function isProof(expected: Buffer, given: Buffer | undefined): boolean {
  return given?.length === expected.length && timingSafeEqual(given, expected);
}

function uint16(number: number): Buffer {
  const bytes = Buffer.allocUnsafe(2);
  bytes.writeUInt16BE(number);
  return bytes;
}

const STRUCTURED: ThrownCodec = {
  codec: 'structured',
  areFaithful: true,
  encode: (value) => encodeStructured(value),
  decode: decodeStructured,
};

/**
 * The error-value of a refusal: structured, because nothing else may be agreed on yet. No bytes when the reason cannot be
 * written.
 */
export function writeReason(error: unknown): Buffer {
  return encodeThrown(error, STRUCTURED, () => undefined);
}

/** @throws MalformedValueError */
export function readReason(payload: Buffer): unknown {
  return fromErrorValue(decodeStructured(payload));
}

export type RegisterOutcome = { accepted: true } | { accepted: false; error: unknown };

export function writeAcceptance(values: ValueCodec): Buffer {
  return values.encode({ success: true });
}

export function writeRefusal(error: unknown, values: ValueCodec): Buffer {
  return values.encode({ success: false, error: toErrorValue(error) });
}

/** @throws what the transcode throws, or TypeError, when the two sides do not use the same. */
export function readOutcome(payload: Buffer, values: ValueCodec): RegisterOutcome {
  const outcome = values.decode(payload) as { success?: unknown; error?: unknown } | undefined;
  if (outcome?.success === true) return { accepted: true };
  if (outcome?.success !== false) throw new TypeError('the answer to the registration is none');
  return { accepted: false, error: fromErrorValue(outcome.error ?? 'registration refused without a reason') };
}
