// The error of a method, as bytes: whole if the codec can carry the error whole, as a returned error would be; otherwise as much
// of the error as can be carried, in the form of error-value.ts.

import { isDeepStrictEqual } from 'node:util';
import { safeString, toErrorValue, type ErrorValue } from './error-value';
import type { CodecName } from './value-codec';

/** How values are written for the process that gets the error. */
export interface ThrownCodec {
  readonly codec: CodecName;
  /** Whether an encoded value is decoded as the same value, or refused. */
  readonly areFaithful: boolean;
  encode(value: unknown): Buffer;
  decode(bytes: Buffer): unknown;
}

/** A larger error is sent in part: errors are for people, and errors of HTTP clients can hold a whole response. */
const MAX_WHOLE_BYTES = 1024 * 1024;

/**
 * An error-value as bytes, for `fromErrorValue`.
 * @param onRefused gets what the transcode of the user throws for the plainest forms
 * @returns no bytes when nothing can be written
 */
export function encodeThrown(thrown: unknown, values: ThrownCodec, onRefused: (error: unknown) => void): Buffer {
  const { name, message, code } = summary(thrown);
  const whole = (): Buffer | undefined => {
    if (!values.areFaithful) return undefined;
    const bytes = values.encode({ name, message, code, thrown: { value: thrown } } satisfies ErrorValue);
    return bytes.length <= MAX_WHOLE_BYTES ? bytes : undefined;
  };
  const rich = (): Buffer | undefined => {
    if (values.codec === 'serialize-json') return undefined; // a legacy peer reads the error
    const value = toErrorValue(thrown, true);
    const bytes = values.encode(value);
    return values.areFaithful || isDeepStrictEqual(values.decode(bytes), value) ? bytes : undefined;
  };
  return (
    attempt(whole) ??
    attempt(rich) ??
    attempt(() => values.encode(toErrorValue(thrown)), onRefused) ??
    attempt(() => values.encode({ name, message, code }), onRefused) ??
    Buffer.alloc(0)
  );
}

function summary(thrown: unknown): Pick<ErrorValue, 'name' | 'message' | 'code'> {
  try {
    const { name, message, code } = thrown as ErrorValue;
    return {
      name: safeString(name),
      message: safeString(message),
      code: typeof code === 'number' ? code : code && safeString(code),
    };
  } catch {
    return toErrorValue(thrown); // a getter that throws, null
  }
}

/** @param onRefused absent: another form is tried, and nothing is reported */
function attempt(encode: () => Buffer | undefined, onRefused?: (error: unknown) => void): Buffer | undefined {
  try {
    return encode();
  } catch (error) {
    onRefused?.(error);
    return undefined;
  }
}
