// The pure steps of a registration: what each side says of itself, and how acceptance and refusal are written.
// A peer without a hello is a process of cluster-client 3.x.

import { fromErrorValue, toErrorValue } from './error-value';
import type { Hello } from './message';
import type { ValueCodec } from './value-codec';

/** What our own processes say of themselves. */
export const OUR_HELLO: Hello = { versions: [1] };

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
