// The package node-zookeeper-client as far as the adapter uses the package: public methods, and the parts inside of a client
// that session.ts needs to notice a silent server, to drop a broken connection, and to learn how new an answer is.

import type { EventEmitter } from 'node:events';
import type net from 'node:net';
import { optionalPackage } from '../../optional-package';

/** What the server says of a node, as far as used. 64-bit numbers are big-endian bytes. */
export interface Stat {
  /** Counts the changes of the data, from 0. */
  readonly version: number;
  /** The transaction that has changed the data last. */
  readonly mzxid: Buffer;
  /** The session whose end deletes the node; zeros for a persistent node. */
  readonly ephemeralOwner: Buffer;
  readonly numChildren: number;
}

export interface PackageError extends Error {
  readonly code: number;
}

export type Callback<A extends unknown[]> = (error: PackageError | null | undefined, ...values: A) => void;

export interface NodeEvent {
  readonly type: number;
  readonly path: string;
}

export type NodeWatcher = (event: NodeEvent) => void;

export interface Acl {
  readonly permission: number;
}

export interface Transaction {
  /** The operations so far. `version` is set here, because the methods take version 0 for "any version". */
  readonly ops: { version?: number }[];
  create(path: string, data: Buffer, acl: readonly Acl[], mode: number): this;
  setData(path: string, data: null): this;
  remove(path: string): this;
  commit(callback: Callback<[unknown]>): void;
}

/** The connection inside of a client: no public interface, and the same in every 1.1.x. */
export interface InnerConnection extends EventEmitter {
  socket?: net.Socket;
  /** The newest transaction of the server at the time of the last answer. */
  zxid: Buffer;
  /** The beginning of a message whose end has not come. */
  pendingBuffer: Buffer | null;
  readonly packetQueue: { queue: unknown[] };
  readonly watcherManager: { dataWatchers: object; childWatchers: object; existenceWatchers: object };
  connectTimeoutHandler: NodeJS.Timeout | null;
  findNextServer(dial: (server: Server) => void): void;
  onSocketData(bytes: Buffer): void;
}

export interface Server {
  readonly host: string;
  readonly port: number;
}

export interface PackageClient extends EventEmitter {
  readonly connectionManager: InnerConnection;
  connect(): void;
  close(): void;
  addAuthInfo(scheme: string, auth: Buffer): void;
  getSessionId(): Buffer;
  getSessionTimeout(): number;
  getData(path: string, watcher: NodeWatcher | undefined, callback: Callback<[Buffer | undefined, Stat]>): void;
  getChildren(path: string, watcher: NodeWatcher | undefined, callback: Callback<[string[], Stat]>): void;
  exists(path: string, watcher: NodeWatcher | undefined, callback: Callback<[Stat | null]>): void;
  create(path: string, data: Buffer | undefined, acl: readonly Acl[], mode: number, callback: Callback<[string]>): void;
  setData(path: string, data: Buffer, version: number, callback: Callback<[Stat]>): void;
  remove(path: string, version: number, callback: Callback<[]>): void;
  transaction(): Transaction;
}

export interface ZooKeeperPackage {
  createClient(servers: string, options: { sessionTimeout: number; retries: number }): PackageClient;
  readonly ACL: { OPEN_ACL_UNSAFE: Acl[]; CREATOR_ALL_ACL: Acl[]; READ_ACL_UNSAFE: Acl[] };
}

/** Modes of `create`. */
export const PERSISTENT = 0;
export const EPHEMERAL = 1;

/** Codes of answers that the adapter reacts to. */
export const CODE = {
  ok: 0,
  connectionLoss: -4,
  badArguments: -8,
  noNode: -101,
  noAuth: -102,
  badVersion: -103,
  noChildrenForEphemerals: -108,
  nodeExists: -110,
  notEmpty: -111,
  sessionExpired: -112,
  invalidAcl: -114,
  authFailed: -115,
} as const;

/** Types of events of watches. */
export const EVENT = { created: 1, deleted: 2, dataChanged: 3, childrenChanged: 4 } as const;

/** States of the inner connection, as given by the event `state`. */
export const STATE = { disconnected: 0, connected: 2, closed: -2, expired: -3, authFailed: -4 } as const;

/**
 * A 64-bit number of ZooKeeper. Exact below 2^53, which transactions reach after two million elections of a leader.
 * @param bytes big-endian
 */
export function numberOf(bytes: Buffer): number {
  return Number(bytes.readBigInt64BE());
}

/** The id of a session as the stat of a node has the id; undefined for a node that no session owns. */
export function ownerOf({ ephemeralOwner }: Stat): string | undefined {
  return ephemeralOwner.every((byte) => byte === 0) ? undefined : ephemeralOwner.toString('hex');
}

/** @throws TrunklineError ERR_TRUNKLINE_PACKAGE_MISSING */
export function zooKeeperPackage(): ZooKeeperPackage {
  return optionalPackage(
    'node-zookeeper-client',
    'trunkline/zookeeper',
    () => require('node-zookeeper-client') as ZooKeeperPackage,
  );
}
