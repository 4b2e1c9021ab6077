// Where a group of a fleet keeps its data in etcd, and how numbers, records and values are written there. The names of values and
// wishes stand last in a key, as they are, so no name can be taken for another key. Pure.

import type { EngineValue, Epoch, Fence, Leader, LeaderRecord, WishKind } from '../../engine';
import type { Condition, EtcdEntry } from '../../../etcd/etcd-types';
import { TrunklineError } from '../../../errors';

/** Numbers that etcd compares as texts are as long as the largest. */
const DIGITS = 16;
/** Before the bytes of a value: form, epoch and sequence. */
const VALUE_FORM = 1;
const VALUE_HEADER_BYTES = 17;

export class GroupKeys {
  /** What all members watch: the leader, values, removals. */
  readonly broadcast: string;
  /** The leader's record, under the leader's lease. Its create_revision is the first part of the fence. */
  readonly leader: string;
  /** Prefix of values. */
  readonly values: string;
  /** The values that the last batch has removed. */
  readonly removals: string;
  /** The last epoch, without lease. */
  readonly epoch: string;
  /** The guard of the last batch of values, without lease. Always there once a campaign was won. */
  readonly guard: string;
  /** What the leader watches: wishes and calls. */
  readonly served: string;
  readonly #wishes: string;
  readonly #calls: string;
  /** Prefix of claims. */
  readonly claims: string;
  readonly #members: string;

  /** @param root the prefix of all groups, without a slash at its end */
  constructor(root: string, group: string) {
    const top = `${root}/${group}/`;
    this.broadcast = `${top}b/`;
    this.leader = `${this.broadcast}leader`;
    this.values = `${this.broadcast}v/`;
    this.removals = `${this.broadcast}removals`;
    this.epoch = `${top}epoch`;
    this.guard = `${top}guard`;
    this.served = `${top}s/`;
    this.#wishes = `${this.served}w/`;
    this.#calls = `${this.served}c/`;
    this.claims = `${top}t/`;
    this.#members = `${top}m/`;
  }

  value(key: string): string {
    return this.values + key;
  }

  /** The highest number of a call of the member, under the member's lease. There as long as etcd knows the member. */
  number(member: string): string {
    return `${this.#members}${member}/number`;
  }

  replies(member: string): string {
    return `${this.#members}${member}/r/`;
  }

  reply(member: string, number: number): string {
    return this.replies(member) + digits(number);
  }

  wishes(member: string): string {
    return `${this.#wishes}${member}/`;
  }

  wish(member: string, kind: WishKind, key: string): string {
    return `${this.wishes(member)}${kind}/${key}`;
  }

  calls(member: string): string {
    return `${this.#calls}${member}/`;
  }

  call(member: string, number: number): string {
    return this.calls(member) + digits(number);
  }

  claimsOf(member: string): string {
    return `${this.claims}${member}/`;
  }

  /** The fence that has claimed the call. */
  claim(member: string, number: number): string {
    return this.claimsOf(member) + digits(number);
  }

  /** What a key below `served` is about. */
  servedKey(
    key: string,
  ):
    | { readonly member: string; readonly number: number }
    | { readonly member: string; readonly kind: WishKind; readonly key: string }
    | undefined {
    if (key.startsWith(this.#calls)) return callOf(key.slice(this.#calls.length));
    if (!key.startsWith(this.#wishes)) return undefined;
    const [member = '', kind = ''] = key.slice(this.#wishes.length).split('/', 2);
    if (kind !== 'subscription' && kind !== 'publication') return undefined;
    return { member, kind, key: key.slice(this.wish(member, kind, '').length) };
  }

  claimedCall(key: string): { readonly member: string; readonly number: number } {
    return callOf(key.slice(this.claims.length));
  }
}

function callOf(rest: string): { readonly member: string; readonly number: number } {
  const [member = '', number] = rest.split('/', 2);
  return { member, number: Number(number) };
}

/** The last part of the key of a call, claim or reply. */
export function numberOf(key: Buffer): number {
  return Number(key.subarray(-DIGITS).toString());
}

export function digits(number: number): string {
  return String(number).padStart(DIGITS, '0');
}

/**
 * A fence: the revision in which the leader's key was created, and the epoch. The revision alone could come again in an etcd that has
 * lost its data.
 */
export function fenceOf(createRevision: bigint, epoch: Epoch): Fence {
  return `${createRevision}.${epoch}`;
}

/** What must hold in etcd while the fence leads. */
export function leads(keys: GroupKeys, fence: Fence): readonly Condition[] {
  const [createRevision = '0', epoch = ''] = fence.split('.');
  return [
    { key: keys.leader, createRevision: BigInt(createRevision) },
    { key: keys.epoch, value: epoch },
  ];
}

export function leaderValue(record: LeaderRecord, epoch: Epoch): string {
  return JSON.stringify({ ...record, epoch });
}

/** @throws TrunklineError ERR_TRUNKLINE_FLEET_ENGINE_REFUSED for a key that is none of a fleet */
export function leaderOf({ key, value, createRevision }: EtcdEntry): Leader {
  try {
    const record = JSON.parse(value.toString()) as LeaderRecord & { readonly epoch: Epoch };
    if (typeof record.member === 'string' && Number.isSafeInteger(record.epoch))
      return { ...record, fence: fenceOf(createRevision, record.epoch) };
  } catch {
    // said below
  }
  const sentence = `etcd: the key ${JSON.stringify(key.toString())} holds no leader of a fleet; use another prefix, or delete the key`;
  throw new TrunklineError('ERR_TRUNKLINE_FLEET_ENGINE_REFUSED', sentence);
}

export function valueBytes(epoch: Epoch, sequence: number, bytes: Uint8Array): Buffer {
  const header = Buffer.allocUnsafe(VALUE_HEADER_BYTES);
  header[0] = VALUE_FORM;
  header.writeBigUInt64BE(BigInt(epoch), 1);
  header.writeBigUInt64BE(BigInt(sequence), 9);
  return Buffer.concat([header, bytes]);
}

/** @returns undefined for a value of another version of trunkline */
export function valueOf(key: string, stored: Buffer): EngineValue | undefined {
  if (stored.length < VALUE_HEADER_BYTES || stored[0] !== VALUE_FORM) return undefined;
  return {
    key,
    epoch: Number(stored.readBigUInt64BE(1)),
    sequence: Number(stored.readBigUInt64BE(9)),
    // A copy: a message of etcd with many values would stay in memory for a single one.
    bytes: Buffer.from(stored.subarray(VALUE_HEADER_BYTES)),
  };
}

/** Removed values with epoch and sequence, as the key `removals` holds values that a batch has removed. */
export function removalsValue(epoch: Epoch, removed: readonly { readonly key: string; readonly sequence: number }[]): string {
  return JSON.stringify({ epoch, removed: removed.map(({ key, sequence }) => [key, sequence]) });
}

export function removalsOf(stored: Buffer): EngineValue[] {
  const { epoch, removed } = JSON.parse(stored.toString()) as { epoch: Epoch; removed: [string, number][] };
  return removed.map(([key, sequence]) => ({ key, epoch, sequence, bytes: undefined }));
}
