// The hello in JSON form, and back. Any process that connects may send a hello: every field is checked for type and length, a
// wrong field counts as absent, and unknown fields are left out.

import type { Hello } from './message';

/** Elements of a list that are looked at. */
const MAX_LIST = 16;
const MIN_SECRET_BYTES = 16;
const MAX_SECRET_BYTES = 64;
const MAX_FINGERPRINT_LENGTH = 64;

/** How long a nonce or a proof may be, here and in `prove`. */
export function isSecretLength(bytes: number): boolean {
  return bytes >= MIN_SECRET_BYTES && bytes <= MAX_SECRET_BYTES;
}

/** The fields in the order of `Hello`, bytes as base64. */
export function writeHello({ versions, nonce, proof, methods, joinKeys, looks }: Hello): object {
  return {
    versions,
    ...(nonce && { nonce: nonce.toString('base64') }),
    ...(proof && { proof: proof.toString('base64') }),
    ...(methods !== undefined && { methods }),
    ...(joinKeys && { joinKeys }),
    ...(looks && { looks }),
  };
}

/** Undefined: no hello, and so a legacy peer. */
export function readHello(value: unknown): Hello | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { versions, nonce, proof, methods, joinKeys, looks } = value as Record<keyof Hello, unknown>;
  if (!Array.isArray(versions)) return undefined;
  const [nonceBytes, proofBytes] = [readBytes(nonce), readBytes(proof)];
  return {
    versions: versions.slice(0, MAX_LIST).filter((version): version is number => typeof version === 'number'),
    ...(nonceBytes && { nonce: nonceBytes }),
    ...(proofBytes && { proof: proofBytes }),
    ...(isFingerprint(methods) && { methods }),
    ...(joinKeys === true && { joinKeys }),
    ...(looks === true && { looks }),
  };
}

function isFingerprint(value: unknown): value is string {
  return typeof value === 'string' && value !== '' && value.length <= MAX_FINGERPRINT_LENGTH;
}

function readBytes(value: unknown): Buffer | undefined {
  // Checked before decoding: no memory for a long text.
  if (typeof value !== 'string' || value.length > MAX_SECRET_BYTES * 2) return undefined;
  const bytes = Buffer.from(value, 'base64');
  return isSecretLength(bytes.length) && bytes.toString('base64') === value ? bytes : undefined;
}
