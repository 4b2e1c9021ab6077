// The pure steps of a registration: what each side says of itself, and how acceptance and refusal are written.
// A peer without a hello is a process of cluster-client 3.x.

import { fromErrorValue, toErrorValue } from './error-value';
import type { Hello } from './message';
import { type CodecName, isCodecName, type ValueCodec } from './value-codec';

/** What our own processes say of themselves. @param codecs how this side can write values, the best first */
export function helloOf(codecs: readonly CodecName[], own: Omit<Hello, 'versions' | 'codecs'> = {}): Hello {
  return { versions: [1, 2], codecs, ...own };
}

export interface Agreement {
  readonly version: 1 | 2;
  /** How values are written; undefined: no way that both know. Without a word about it, version 1 leaves it to the transcode. */
  readonly codec: CodecName | undefined;
}

/**
 * What a connection speaks after an accepted registration. Both sides come to the same from the same two hellos.
 * @param question the follower's, undefined for an old peer
 * @param answer the leader's
 */
export function agree(question: Hello | undefined, answer: Hello | undefined): Agreement {
  const version = question?.versions.includes(2) && answer?.versions.includes(2) ? 2 : 1;
  const codec = answer?.codecs?.find((name) => isCodecName(name) && question?.codecs?.includes(name)) as CodecName | undefined;
  return { version, codec };
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
