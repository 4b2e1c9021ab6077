// Values and wishes as Redis keeps them: epoch and sequence before the bytes of a value, the kind before the key of a wish.

import type { EngineValue, Wish, WishChange, WishKind } from '../../engine';

const HEADER_BYTES = 17;
const KEPT = 1;
const REMOVED = 0;

export function packValue(epoch: number, { sequence, bytes }: Omit<EngineValue, 'epoch'>): Buffer {
  const packed = Buffer.allocUnsafe(HEADER_BYTES + (bytes?.length ?? 0));
  packed[0] = bytes ? KEPT : REMOVED;
  packed.writeDoubleBE(epoch, 1);
  packed.writeDoubleBE(sequence, 9);
  bytes?.copy(packed, HEADER_BYTES);
  return packed;
}

export function unpackValue(key: string, packed: Buffer): EngineValue {
  const bytes = packed[0] === KEPT ? packed.subarray(HEADER_BYTES) : undefined;
  return { key, epoch: packed.readDoubleBE(1), sequence: packed.readDoubleBE(9), bytes };
}

/** The field of a wish in the hash of its member. */
export function fieldOf({ kind, key }: Pick<Wish, 'kind' | 'key'>): string {
  return (kind === 'subscription' ? 's' : 'p') + key;
}

export function wishOf(member: string, field: string, registration: Buffer | undefined): WishChange {
  const kind: WishKind = field.startsWith('s') ? 'subscription' : 'publication';
  return { member, kind, key: field.slice(1), registration };
}

/** What is told to the leader of a change: JSON, because changes are rare. */
export interface WishMessage {
  readonly member: string;
  /** The member has ended. */
  readonly gone?: boolean;
  /** What is added is everything that the member wants. */
  readonly whole?: boolean;
  readonly add?: readonly (readonly [field: string, base64: string])[];
  readonly remove?: readonly string[];
}
