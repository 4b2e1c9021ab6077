// What the verbs of the gateway take and give: plain data, no JSON of etcd. Revisions are bigint, because etcd counts in 64 bits and
// a number loses the last digits above 2^53. Identifiers of leases are decimal texts, which nobody calculates with.

/** A text stands for the bytes of the text in UTF-8. */
export type Bytes = string | Uint8Array;

/** The keys that a request is about: a single key, all keys that begin with a prefix (`''` for all keys), or `from` ≤ key < `to`. */
export type KeyRange = { readonly key: Bytes } | { readonly prefix: Bytes } | { readonly from: Bytes; readonly to: Bytes };

/** A key and a value, as etcd has stored the two. */
export interface EtcdEntry {
  readonly key: Buffer;
  /** Empty when only keys were asked for, and in events of deletion. */
  readonly value: Buffer;
  /** The revision in which the key came into being. */
  readonly createRevision: bigint;
  /** The revision of the last change. In an event of deletion: the revision of the deletion. */
  readonly modRevision: bigint;
  /** Counts the changes since the key came into being, from 1. In an event of deletion: 0. */
  readonly version: bigint;
  /** The lease that the key hangs on. */
  readonly lease?: string;
}

export interface Revised {
  /** The revision of the whole store after the request. */
  readonly revision: bigint;
}

export type RangeRequest = KeyRange & {
  /** Reads the store as the store was at this revision. */
  readonly atRevision?: bigint;
  readonly keysOnly?: boolean;
  readonly countOnly?: boolean;
  /** The largest number of entries in the answer. */
  readonly limit?: number;
  /** Answers from the member that was asked, without a question to the majority: quicker, and possibly stale. */
  readonly isStaleAllowed?: boolean;
};

export interface RangeResult extends Revised {
  /** In the order of the bytes of the keys. */
  readonly entries: readonly EtcdEntry[];
  /** How many keys there are, also beyond the limit. */
  readonly count: number;
  /** Whether the limit has cut the answer. */
  readonly hasMore: boolean;
}

export interface PutRequest {
  readonly key: Bytes;
  readonly value: Bytes;
  /** The key is deleted when this lease ends. */
  readonly lease?: string;
  /** Whether the answer has the entry of before. */
  readonly wantsPrevious?: boolean;
}

export interface PutResult extends Revised {
  readonly previous?: EtcdEntry;
}

export type DeleteRequest = KeyRange & { readonly wantsPrevious?: boolean };

export interface DeleteResult extends Revised {
  /** How many keys were deleted. */
  readonly deleted: number;
  readonly previous: readonly EtcdEntry[];
}

/** How the stored value stands to the operand: `{ key, is: '>', version: 3 }` holds when the version is greater than 3. */
export type Comparison = '=' | '!=' | '<' | '>';

/**
 * A condition of a transaction. A missing key has version, revisions and lease 0. A condition on the value of a missing key never
 * holds, not even with `!=`.
 */
export type Condition = { readonly key: Bytes; readonly is?: Comparison } & (
  | { readonly value: Bytes }
  | { readonly version: bigint | number }
  | { readonly createRevision: bigint | number }
  | { readonly modRevision: bigint | number }
  | { readonly lease: string }
);

export type Operation =
  | { readonly put: PutRequest }
  | { readonly range: RangeRequest }
  | { readonly delete: DeleteRequest }
  | { readonly txn: TxnRequest };

/** `then` is done when all conditions hold, `else` otherwise. etcd takes 128 operations, and no key twice among the puts. */
export interface TxnRequest {
  readonly if?: readonly Condition[];
  readonly then?: readonly Operation[];
  readonly else?: readonly Operation[];
}

export type OperationResult =
  { readonly put: PutResult } | { readonly range: RangeResult } | { readonly delete: DeleteResult } | { readonly txn: TxnResult };

export interface TxnResult extends Revised {
  /** Whether all conditions held. */
  readonly succeeded: boolean;
  /** A result for each operation of the branch that was done, in the same order. */
  readonly results: readonly OperationResult[];
}

export interface EtcdEvent {
  readonly type: 'put' | 'delete';
  readonly entry: EtcdEntry;
  /** The entry of before, where the watch asked for `wantsPrevious` and the entry is not compacted yet. */
  readonly previous?: EtcdEntry;
}

export interface GrantedLease extends Revised {
  readonly lease: string;
  /** etcd may give more than was asked for: 2 s at least with the default settings of a server. */
  readonly ttlSeconds: number;
}

export interface ServerStatus extends Revised {
  /** The address of the server that has answered. */
  readonly server: string;
  readonly version: string;
  readonly isLeader: boolean;
  readonly hasLeader: boolean;
  readonly databaseBytes: number;
  /** Without the free pages inside of the file. */
  readonly databaseBytesInUse: number;
  /** What the server complains about, e.g. an alarm. */
  readonly complaints: readonly string[];
}

export interface EtcdAlarm {
  readonly member: string;
  /** `NOSPACE`: over the quota, writes are refused. `CORRUPT`: members differ. */
  readonly kind: string;
}
