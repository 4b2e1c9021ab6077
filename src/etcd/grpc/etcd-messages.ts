// The messages of etcd's API v3 that trunkline uses, as protocol buffers: numbers of fields and of enumerations are those of
// `rpc.proto` and `kv.proto` of etcd 3.4 (https://github.com/etcd-io/etcd/tree/release-3.4/etcdserver/etcdserverpb); newer versions
// only add fields, which are skipped. Pure.

import type {
  Comparison,
  Condition,
  EtcdAlarm,
  EtcdEntry,
  EtcdEvent,
  GrantedLease,
  KeyRange,
  Operation,
  OperationResult,
  PutResult,
  DeleteResult,
  RangeRequest,
  RangeResult,
  ServerStatus,
  TxnRequest,
  TxnResult,
} from '../etcd-types';
import { boundsOf } from '../wire';
import { ProtobufReader, ProtobufWriter } from './protobuf';

const COMPARISON: Readonly<Record<Comparison, number>> = { '=': 0, '>': 1, '<': 2, '!=': 3 };
const TARGET = { version: 0, create: 1, mod: 2, value: 3, lease: 4 } as const;
const ALARMS = ['NONE', 'NOSPACE', 'CORRUPT'];
const DELETE_EVENT = 1n;

/** What a server says of its store in every answer. */
export interface Header {
  revision: bigint;
  member: string;
}

/** A message on the stream of watches. */
export interface WatchMessage {
  readonly revision: bigint;
  readonly id: number;
  readonly isCreated: boolean;
  readonly isCanceled: boolean;
  readonly compactRevision: bigint;
  readonly reason: string;
  /** More events of the last revision follow in the next message of this watch. */
  readonly isPart: boolean;
  readonly events: readonly EtcdEvent[];
}

const writer = (): ProtobufWriter => new ProtobufWriter();

export function rangeMessage(request: RangeRequest): Buffer {
  return writeRange(writer(), request).finish();
}

export function txnMessage(request: TxnRequest): Buffer {
  return writeTxn(writer(), request).finish();
}

export function compactionMessage(revision: bigint): Buffer {
  return writer().int(1, revision).finish();
}

export function grantMessage(ttlSeconds: number): Buffer {
  return writer().int(1, ttlSeconds).finish();
}

/** Names a lease, in requests to renew and to revoke. */
export function leaseMessage(lease: string): Buffer {
  return writer().int(1, lease).finish();
}

export function authenticateMessage(username: string, password: string): Buffer {
  return writer().bytes(1, username).bytes(2, password).finish();
}

/** A request without content; a request for alarms asks for all alarms then. */
export const EMPTY_MESSAGE: Buffer = Buffer.alloc(0);

export interface WatchForm {
  readonly id: number;
  readonly range: KeyRange;
  readonly fromRevision: bigint | undefined;
  readonly wantsPrevious: boolean;
}

export function watchMessage({ id, range, fromRevision, wantsPrevious }: WatchForm): Buffer {
  return writer()
    .message(1, (create) => {
      const { key, end } = boundsOf(range);
      create.bytes(1, key).bytes(2, end).int(3, fromRevision).flag(6, wantsPrevious).int(7, id).flag(8, true);
    })
    .finish();
}

export function cancelMessage(id: number): Buffer {
  return writer()
    .message(2, (cancel) => cancel.int(1, id))
    .finish();
}

/** A request for a sign of life on the stream of watches. */
export const PROGRESS_MESSAGE: Buffer = writer()
  .message(3, () => undefined)
  .finish();

export function rangeAnswer(bytes: Buffer): RangeResult {
  return readRange(new ProtobufReader(bytes));
}

export function txnAnswer(bytes: Buffer): TxnResult {
  return readTxn(new ProtobufReader(bytes));
}

export function grantAnswer(bytes: Buffer): GrantedLease {
  const { revision, lease, ttlSeconds } = leaseAnswer(bytes);
  return { revision, lease, ttlSeconds };
}

/** The answer to a grant and to a renewal. */
export function leaseAnswer(bytes: Buffer): GrantedLease {
  const reader = new ProtobufReader(bytes);
  let [revision, lease, ttlSeconds] = [0n, '0', 0];
  for (let field = reader.next(); field > 0; field = reader.next()) {
    if (field === 1) ({ revision } = readHeader(reader.message()));
    else if (field === 2) lease = String(reader.int());
    else if (field === 3) ttlSeconds = Number(reader.int());
    else reader.skip();
  }
  return { revision, lease, ttlSeconds };
}

export function tokenAnswer(bytes: Buffer): string {
  const reader = new ProtobufReader(bytes);
  let token = '';
  for (let field = reader.next(); field > 0; field = reader.next()) {
    if (field === 2) token = reader.text();
    else reader.skip();
  }
  return token;
}

export function statusAnswer(bytes: Buffer, server: string): ServerStatus {
  const reader = new ProtobufReader(bytes);
  const complaints: string[] = [];
  let header: Header = { revision: 0n, member: '' };
  let [version, leader, databaseBytes, databaseBytesInUse] = ['', '0', 0, 0];
  for (let field = reader.next(); field > 0; field = reader.next()) {
    if (field === 1) header = readHeader(reader.message());
    else if (field === 2) version = reader.text();
    else if (field === 3) databaseBytes = Number(reader.int());
    else if (field === 4) leader = String(reader.uint());
    else if (field === 8) complaints.push(reader.text());
    else if (field === 9) databaseBytesInUse = Number(reader.int());
    else reader.skip();
  }
  const { revision, member } = header;
  const [isLeader, hasLeader] = [leader === member, leader !== '0'];
  return { server, revision, version, isLeader, hasLeader, databaseBytes, databaseBytesInUse, complaints };
}

export function alarmsAnswer(bytes: Buffer): readonly EtcdAlarm[] {
  const reader = new ProtobufReader(bytes);
  const alarms: EtcdAlarm[] = [];
  for (let field = reader.next(); field > 0; field = reader.next()) {
    if (field === 2) alarms.push(readAlarm(reader.message()));
    else reader.skip();
  }
  return alarms;
}

export function watchAnswer(bytes: Buffer): WatchMessage {
  const reader = new ProtobufReader(bytes);
  const events: EtcdEvent[] = [];
  let [revision, id, compactRevision, reason] = [0n, 0, 0n, ''];
  let [isCreated, isCanceled, isPart] = [false, false, false];
  for (let field = reader.next(); field > 0; field = reader.next()) {
    if (field === 1) ({ revision } = readHeader(reader.message()));
    else if (field === 2) id = Number(reader.int());
    else if (field === 3) isCreated = reader.flag();
    else if (field === 4) isCanceled = reader.flag();
    else if (field === 5) compactRevision = reader.int();
    else if (field === 6) reason = reader.text();
    else if (field === 7) isPart = reader.flag();
    else if (field === 11) events.push(readEvent(reader.message()));
    else reader.skip();
  }
  return { revision, id, isCreated, isCanceled, compactRevision, reason, isPart, events };
}

function writeRange(to: ProtobufWriter, request: RangeRequest): ProtobufWriter {
  const { key, end } = boundsOf(request);
  return to
    .bytes(1, key)
    .bytes(2, end)
    .int(3, request.limit)
    .int(4, request.atRevision)
    .flag(7, request.isStaleAllowed)
    .flag(8, request.keysOnly)
    .flag(9, request.countOnly);
}

function writeTxn(to: ProtobufWriter, txn: TxnRequest): ProtobufWriter {
  for (const condition of txn.if ?? []) to.message(1, (compare) => writeCondition(compare, condition));
  for (const operation of txn.then ?? []) to.message(2, (request) => writeOperation(request, operation));
  for (const operation of txn.else ?? []) to.message(3, (request) => writeOperation(request, operation));
  return to;
}

function writeCondition(to: ProtobufWriter, condition: Condition): void {
  to.int(1, COMPARISON[condition.is ?? '=']);
  if ('value' in condition) to.int(2, TARGET.value).bytes(3, condition.key).bytes(7, condition.value);
  else if ('version' in condition) to.int(2, TARGET.version).bytes(3, condition.key).int(4, condition.version);
  else if ('createRevision' in condition) to.int(2, TARGET.create).bytes(3, condition.key).int(5, condition.createRevision);
  else if ('modRevision' in condition) to.int(2, TARGET.mod).bytes(3, condition.key).int(6, condition.modRevision);
  else to.int(2, TARGET.lease).bytes(3, condition.key).int(8, condition.lease);
}

function writeOperation(to: ProtobufWriter, operation: Operation): void {
  if ('range' in operation) to.message(1, (range) => void writeRange(range, operation.range));
  else if ('put' in operation) {
    const { key, value, lease, wantsPrevious } = operation.put;
    to.message(2, (put) => put.bytes(1, key).bytes(2, value).int(3, lease).flag(4, wantsPrevious));
  } else if ('delete' in operation) {
    const { key, end } = boundsOf(operation.delete);
    to.message(3, (removal) => removal.bytes(1, key).bytes(2, end).flag(3, operation.delete.wantsPrevious));
  } else to.message(4, (txn) => void writeTxn(txn, operation.txn));
}

function readHeader(reader: ProtobufReader): Header {
  const header: Header = { revision: 0n, member: '' };
  for (let field = reader.next(); field > 0; field = reader.next()) {
    if (field === 2) header.member = String(reader.uint());
    else if (field === 3) header.revision = reader.int();
    else reader.skip();
  }
  return header;
}

function readRange(reader: ProtobufReader): RangeResult {
  const entries: EtcdEntry[] = [];
  let [revision, count, hasMore] = [0n, 0, false];
  for (let field = reader.next(); field > 0; field = reader.next()) {
    if (field === 1) ({ revision } = readHeader(reader.message()));
    else if (field === 2) entries.push(readEntry(reader.message()));
    else if (field === 3) hasMore = reader.flag();
    else if (field === 4) count = Number(reader.int());
    else reader.skip();
  }
  return { revision, entries, count, hasMore };
}

function readPut(reader: ProtobufReader): PutResult {
  let revision = 0n;
  let previous: EtcdEntry | undefined;
  for (let field = reader.next(); field > 0; field = reader.next()) {
    if (field === 1) ({ revision } = readHeader(reader.message()));
    else if (field === 2) previous = readEntry(reader.message());
    else reader.skip();
  }
  return { revision, ...(previous && { previous }) };
}

function readDelete(reader: ProtobufReader): DeleteResult {
  const previous: EtcdEntry[] = [];
  let [revision, deleted] = [0n, 0];
  for (let field = reader.next(); field > 0; field = reader.next()) {
    if (field === 1) ({ revision } = readHeader(reader.message()));
    else if (field === 2) deleted = Number(reader.int());
    else if (field === 3) previous.push(readEntry(reader.message()));
    else reader.skip();
  }
  return { revision, deleted, previous };
}

function readTxn(reader: ProtobufReader): TxnResult {
  const results: OperationResult[] = [];
  let [revision, succeeded] = [0n, false];
  for (let field = reader.next(); field > 0; field = reader.next()) {
    if (field === 1) ({ revision } = readHeader(reader.message()));
    else if (field === 2) succeeded = reader.flag();
    else if (field === 3) results.push(readResult(reader.message()));
    else reader.skip();
  }
  return { revision, succeeded, results };
}

function readResult(reader: ProtobufReader): OperationResult {
  const field = reader.next();
  if (field === 1) return { range: readRange(reader.message()) };
  if (field === 2) return { put: readPut(reader.message()) };
  if (field === 3) return { delete: readDelete(reader.message()) };
  return { txn: readTxn(reader.message()) };
}

function readEntry(reader: ProtobufReader): EtcdEntry {
  let [key, value] = [EMPTY_MESSAGE, EMPTY_MESSAGE];
  let [createRevision, modRevision, version, lease] = [0n, 0n, 0n, 0n];
  for (let field = reader.next(); field > 0; field = reader.next()) {
    if (field === 1) key = reader.bytes();
    else if (field === 2) createRevision = reader.int();
    else if (field === 3) modRevision = reader.int();
    else if (field === 4) version = reader.int();
    else if (field === 5) value = reader.bytes();
    else if (field === 6) lease = reader.int();
    else reader.skip();
  }
  return { key, value, createRevision, modRevision, version, ...(lease !== 0n && { lease: String(lease) }) };
}

function readEvent(reader: ProtobufReader): EtcdEvent {
  let type: EtcdEvent['type'] = 'put';
  let [entry, previous]: [EtcdEntry | undefined, EtcdEntry | undefined] = [undefined, undefined];
  for (let field = reader.next(); field > 0; field = reader.next()) {
    if (field === 1) type = reader.int() === DELETE_EVENT ? 'delete' : 'put';
    else if (field === 2) entry = readEntry(reader.message());
    else if (field === 3) previous = readEntry(reader.message());
    else reader.skip();
  }
  if (!entry) throw new RangeError('an event of etcd has no key');
  return { type, entry, ...(previous && { previous }) };
}

function readAlarm(reader: ProtobufReader): EtcdAlarm {
  let [member, kind] = ['0', ALARMS[0]!];
  for (let field = reader.next(); field > 0; field = reader.next()) {
    if (field === 1) member = String(reader.uint());
    else if (field === 2) {
      const number = Number(reader.int());
      kind = ALARMS[number] ?? `alarm ${number}`;
    } else reader.skip();
  }
  return { member, kind };
}
