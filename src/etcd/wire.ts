// The JSON of etcd's gateway, as the API of etcd v3 describes its messages: bytes in base64, 64-bit numbers as decimal texts, and
// nothing where a number is 0, a text empty or a truth false. Pure: no socket and no time.

import type {
  Bytes,
  Comparison,
  Condition,
  DeleteRequest,
  DeleteResult,
  EtcdEntry,
  EtcdEvent,
  KeyRange,
  Operation,
  OperationResult,
  PutRequest,
  PutResult,
  RangeRequest,
  RangeResult,
  TxnRequest,
  TxnResult,
} from './etcd-types';

/** A message as JSON gives the message. */
export interface Json {
  readonly [name: string]: unknown;
}

function base64Of(bytes: Bytes): string {
  return bytesOf(bytes).toString('base64');
}

export function bytesOf(bytes: Bytes): Buffer {
  if (typeof bytes === 'string') return Buffer.from(bytes);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

export function buffer(value: unknown): Buffer {
  return Buffer.from(text(value), 'base64');
}

export function int64(value: unknown): bigint {
  return typeof value === 'string' || typeof value === 'number' ? BigInt(value) : 0n;
}

export function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

export function object(value: unknown): Json {
  return typeof value === 'object' && value !== null ? (value as Json) : {};
}

export function list(value: unknown): readonly Json[] {
  return Array.isArray(value) ? value.map(object) : [];
}

export function revisionOf(answer: Json): bigint {
  return int64(object(answer.header).revision);
}

/** In a range, a key of this byte alone stands for "from the first key", and an end of this byte alone for "to the last key". */
const NUL = Buffer.of(0);

/** The bounds of a range as etcd takes bounds: the end is missing for a single key. */
export function boundsOf(range: KeyRange): { readonly key: Buffer; readonly end: Buffer | undefined } {
  if ('key' in range) return { key: bytesOf(range.key), end: undefined };
  if ('from' in range) return { key: bytesOf(range.from), end: bytesOf(range.to) };
  const prefix = bytesOf(range.prefix);
  return { key: prefix.length === 0 ? NUL : prefix, end: endOfPrefix(prefix) };
}

export function rangeForm(range: KeyRange): Json {
  const { key, end } = boundsOf(range);
  return { key: base64Of(key), ...(end && { range_end: base64Of(end) }) };
}

/** The first bytes after all keys that begin with the prefix: the last byte that can be raised is raised, and ends the bound. */
export function endOfPrefix(prefix: Uint8Array): Buffer {
  for (let i = prefix.length - 1; i >= 0; i--) {
    if (prefix[i] === 0xff) continue;
    const end = Buffer.from(prefix.subarray(0, i + 1));
    end[i]!++;
    return end;
  }
  return NUL;
}

export function rangeRequestForm(request: RangeRequest): Json {
  return {
    ...rangeForm(request),
    ...(request.atRevision !== undefined && { revision: String(request.atRevision) }),
    ...(request.keysOnly && { keys_only: true }),
    ...(request.countOnly && { count_only: true }),
    ...(request.limit !== undefined && { limit: String(request.limit) }),
    ...(request.isStaleAllowed && { serializable: true }),
  };
}

export function putForm({ key, value, lease, wantsPrevious }: PutRequest): Json {
  return {
    key: base64Of(key),
    value: base64Of(value),
    ...(lease !== undefined && { lease }),
    ...(wantsPrevious && { prev_kv: true }),
  };
}

export function deleteForm(request: DeleteRequest): Json {
  return { ...rangeForm(request), ...(request.wantsPrevious && { prev_kv: true }) };
}

const COMPARISONS: Readonly<Record<Comparison, string>> = { '=': 'EQUAL', '!=': 'NOT_EQUAL', '<': 'LESS', '>': 'GREATER' };

function conditionForm(condition: Condition): Json {
  const form = { key: base64Of(condition.key), result: COMPARISONS[condition.is ?? '='] };
  if ('value' in condition) return { ...form, target: 'VALUE', value: base64Of(condition.value) };
  if ('version' in condition) return { ...form, target: 'VERSION', version: String(condition.version) };
  if ('createRevision' in condition) return { ...form, target: 'CREATE', create_revision: String(condition.createRevision) };
  if ('modRevision' in condition) return { ...form, target: 'MOD', mod_revision: String(condition.modRevision) };
  return { ...form, target: 'LEASE', lease: condition.lease };
}

function operationForm(operation: Operation): Json {
  if ('put' in operation) return { request_put: putForm(operation.put) };
  if ('range' in operation) return { request_range: rangeRequestForm(operation.range) };
  if ('delete' in operation) return { request_delete_range: deleteForm(operation.delete) };
  return { request_txn: txnForm(operation.txn) };
}

export function txnForm(txn: TxnRequest): Json {
  return {
    compare: (txn.if ?? []).map(conditionForm),
    success: (txn.then ?? []).map(operationForm),
    failure: (txn.else ?? []).map(operationForm),
  };
}

export function entryOf(form: Json): EtcdEntry {
  const lease = text(form.lease);
  return {
    key: buffer(form.key),
    value: buffer(form.value),
    createRevision: int64(form.create_revision),
    modRevision: int64(form.mod_revision),
    version: int64(form.version),
    ...(lease !== '' && { lease }),
  };
}

export function rangeResultOf(answer: Json): RangeResult {
  return {
    revision: revisionOf(answer),
    entries: list(answer.kvs).map(entryOf),
    count: Number(int64(answer.count)),
    hasMore: answer.more === true,
  };
}

export function putResultOf(answer: Json): PutResult {
  return { revision: revisionOf(answer), ...(answer.prev_kv !== undefined && { previous: entryOf(object(answer.prev_kv)) }) };
}

export function deleteResultOf(answer: Json): DeleteResult {
  return {
    revision: revisionOf(answer),
    deleted: Number(int64(answer.deleted)),
    previous: list(answer.prev_kvs).map(entryOf),
  };
}

export function txnResultOf(answer: Json): TxnResult {
  return { revision: revisionOf(answer), succeeded: answer.succeeded === true, results: list(answer.responses).map(resultOf) };
}

function resultOf(form: Json): OperationResult {
  if (form.response_put) return { put: putResultOf(object(form.response_put)) };
  if (form.response_delete_range) return { delete: deleteResultOf(object(form.response_delete_range)) };
  if (form.response_txn) return { txn: txnResultOf(object(form.response_txn)) };
  return { range: rangeResultOf(object(form.response_range)) };
}

export function eventOf(form: Json): EtcdEvent {
  return {
    type: form.type === 'DELETE' ? 'delete' : 'put',
    entry: entryOf(object(form.kv)),
    ...(form.prev_kv !== undefined && { previous: entryOf(object(form.prev_kv)) }),
  };
}

/** Bytes of keys and values in a transaction, both branches together. */
export function sizeOf(txn: TxnRequest): number {
  const ofOperation = (operation: Operation): number => {
    if ('put' in operation) return bytesOf(operation.put.key).length + bytesOf(operation.put.value).length;
    return 'txn' in operation ? sizeOf(operation.txn) : 0;
  };
  const ofCondition = (condition: Condition): number => ('value' in condition ? bytesOf(condition.value).length : 0);
  return sum([...(txn.then ?? []), ...(txn.else ?? [])].map(ofOperation)) + sum((txn.if ?? []).map(ofCondition));
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}
