// The hello as JSON carries it, and back. It comes from whoever has connected: every field is checked for its type and
// its length, what is not right counts as absent, and what is not known is left out.

import type { Hello } from './message';

/** Elements of a list that are looked at, and characters of each. */
const MAX_LIST = 16;
const MAX_NAME = 64;
const MAX_IDENTITY = 256;
const MIN_SECRET_BYTES = 16;
const MAX_SECRET_BYTES = 64;

/** The same fields in the same order, bytes as base64. */
export function writeHello({ versions, codecs, identity, nonce, proof }: Hello): object {
  return {
    versions,
    ...(codecs && { codecs }),
    ...(identity !== undefined && { identity }),
    ...(nonce && { nonce: nonce.toString('base64') }),
    ...(proof && { proof: proof.toString('base64') }),
  };
}

/** Undefined: no hello, and so an old peer. */
export function readHello(value: unknown): Hello | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { versions, codecs, identity, nonce, proof } = value as Record<keyof Hello, unknown>;
  if (!Array.isArray(versions)) return undefined;
  const [nonceBytes, proofBytes] = [readBytes(nonce), readBytes(proof)];
  return {
    versions: versions.slice(0, MAX_LIST).filter((version): version is number => typeof version === 'number'),
    ...(Array.isArray(codecs) && { codecs: codecs.slice(0, MAX_LIST).filter((name) => isText(name, MAX_NAME)) }),
    ...(isText(identity, MAX_IDENTITY) && { identity }),
    ...(nonceBytes && { nonce: nonceBytes }),
    ...(proofBytes && { proof: proofBytes }),
  };
}

function isText(value: unknown, maxLength: number): value is string {
  return typeof value === 'string' && value.length > 0 && value.length <= maxLength;
}

function readBytes(value: unknown): Buffer | undefined {
  if (!isText(value, MAX_SECRET_BYTES * 2)) return undefined;
  const bytes = Buffer.from(value, 'base64');
  const isRight = bytes.length >= MIN_SECRET_BYTES && bytes.length <= MAX_SECRET_BYTES && bytes.toString('base64') === value;
  return isRight ? bytes : undefined;
}
