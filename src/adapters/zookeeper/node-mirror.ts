// The nodes that are watched, kept equal to the server, and fed into the table of watches. ZooKeeper tells of the next change of a node
// and no more, so each read of a node sets the watch for the next change: nothing is lost between. A prefix is a node with everything below.

import type { Timer } from '../../time';
import { backgroundClock } from '../../time';
import { isKeyWatch, type StoredEntry, type Watched } from '../registry';
import type { WatchedKeys, WatchTable } from '../watch-table';
import { startOf, type Paths } from './paths';
import type { Answer, NodeData, Session } from './session';
import { isUnreachable, refused, unreachable } from './zookeeper-failure';
import { CODE, EVENT, numberOf, ownerOf, type NodeEvent } from './zookeeper-package';

/** Nodes that could not be read are read again this often, ms: ZooKeeper tells nobody that an ACL has changed. */
const RETRY_MS = 30_000;

interface WatchedNode {
  readonly key: string;
  /** Whether the data, or the list of children, may have changed since the last read. */
  areDataStale: boolean;
  areChildrenStale: boolean;
  /** The read under way. */
  reading: Promise<void> | undefined;
  /** Resolves when the node and all below have been read since the connection was made. */
  known: Promise<void> | undefined;
  entry: StoredEntry | undefined;
  order: number;
  /** Whether the last read has found no node. */
  isAbsent: boolean;
  /** Whether the list of the node above has named this node since the read under way began. */
  isNamedSince: boolean;
  /** What the last read was refused with. */
  failure: string | undefined;
  readonly children: Set<string>;
}

export interface MirrorHooks {
  /** A node cannot be read, and nobody waits for the node. */
  failed(error: Error): void;
}

export class NodeMirror {
  readonly #server: string;
  readonly #paths: Paths;
  readonly #table: WatchTable;
  readonly #hooks: MirrorHooks;
  readonly #nodes = new Map<string, WatchedNode>();
  #session: Session | undefined;
  /** Called when a session is attached. */
  #onAttached: (() => void)[] = [];
  /** Added to the transactions of a server that has lost all data, so that what the server says counts as newer. */
  #orderBase = 0;
  #newestOrder = 0;
  /** Keys of nodes whose first read a watch waits for. */
  readonly #awaited = new Set<string>();
  readonly #unreadable = new Set<WatchedNode>();
  #retry: Timer | undefined;

  constructor(server: string, paths: Paths, table: WatchTable, hooks: MirrorHooks) {
    this.#server = server;
    this.#paths = paths;
    this.#table = table;
    this.#hooks = hooks;
  }

  /**
   * Reads everything again: watches end with the connection.
   * @param isNewHistory whether the server has lost the data that were read before
   * @returns resolves when all is read; rejected when the connection is lost before
   */
  async attach(session: Session, isNewHistory: boolean): Promise<void> {
    if (isNewHistory) this.#orderBase = this.#newestOrder;
    this.#session = session;
    for (const node of this.#nodes.values()) {
      node.known = undefined;
      node.areDataStale = node.areChildrenStale = true;
    }
    for (const listener of this.#onAttached.splice(0)) listener();
    const starts = new Set([...this.#table].map(({ what }) => startOf(what)));
    const reads = [...starts].map((key) => this.#load(this.#nodeOf(key)));
    for (const outcome of await Promise.allSettled(reads)) {
      if (outcome.status === 'rejected' && isUnreachable(outcome.reason)) throw outcome.reason;
    }
  }

  /** The connection is lost. */
  detach(): void {
    this.#session = undefined;
  }

  close(): void {
    this.detach();
    backgroundClock.clearTimeout(this.#retry);
  }

  /**
   * Reads what a watch of the table needs, now or when there is a connection.
   * @throws (rejects) TrunklineError ERR_TRUNKLINE_STORE_DENIED and others, when the node where the watch begins cannot be read
   */
  async begin(watched: WatchedKeys): Promise<void> {
    const { what } = watched;
    const start = startOf(what);
    for (const node of this.#nodes.values()) {
      if (node.key !== start && !watched.covers(node.key)) continue;
      node.known = undefined;
      node.areChildrenStale = true; // perhaps only the children of another prefix were looked for so far
    }
    for (;;) {
      if (!this.#session) await new Promise<void>((resolve) => this.#onAttached.push(resolve));
      if (this.#table.get(what) !== watched) return;
      this.#awaited.add(start);
      try {
        await this.#load(this.#nodeOf(start));
        break;
      } catch (error) {
        if (!isUnreachable(error)) throw error;
      } finally {
        this.#awaited.delete(start);
      }
    }
    if (this.#table.get(what) !== watched || watched.isKnown) return;
    const nodes = [...this.#nodes.values()].filter(({ key, entry }) => entry && watched.covers(key));
    // Order 0: what is missing here was never there for this watch, and everything later is newer.
    watched.whole(
      nodes.map(({ entry }) => entry!),
      0,
      ({ key }) => this.#nodes.get(key)!.order,
    );
  }

  /** Forgets the nodes that only this watch needed. The watch is no longer in the table. */
  end(what: Watched): void {
    const start = startOf(what);
    const prefix = isKeyWatch(what) ? what.key : what.prefix;
    for (const node of [...this.#nodes.values()]) {
      if (node.key !== start && !node.key.startsWith(prefix)) continue;
      if (!this.#needsChildren(node.key)) {
        node.children.clear();
        node.areChildrenStale = true;
      }
      if (!this.#needsData(node.key)) {
        node.entry = undefined;
        node.areDataStale = true;
        if (!this.#isStart(node.key)) this.#nodes.delete(node.key);
      }
    }
  }

  changed({ path, type }: NodeEvent): void {
    const node = this.#nodes.get(this.#paths.keyOf(path));
    if (!node) return;
    if (type !== EVENT.childrenChanged) node.areDataStale = true;
    if (type !== EVENT.dataChanged) node.areChildrenStale = true;
    this.#lookAgain(node);
  }

  #nodeOf(key: string): WatchedNode {
    let node = this.#nodes.get(key);
    if (node) return node;
    node = {
      key,
      areDataStale: true,
      areChildrenStale: true,
      reading: undefined,
      known: undefined,
      entry: undefined,
      order: 0,
      isAbsent: false,
      isNamedSince: false,
      failure: undefined,
      children: new Set(),
    };
    this.#nodes.set(key, node);
    return node;
  }

  #needsData(key: string): boolean {
    for (const watched of this.#table) if (watched.covers(key)) return key !== '';
    return false;
  }

  #needsChildren(key: string): boolean {
    for (const { what } of this.#table) {
      if (!isKeyWatch(what) && (startOf(what) === key || (key !== '' && key.startsWith(what.prefix)))) return true;
    }
    return false;
  }

  #isStart(key: string): boolean {
    for (const { what } of this.#table) if (startOf(what) === key) return true;
    return false;
  }

  /** Whether a child is part of a prefix that is watched. */
  #isBelowPrefix(key: string): boolean {
    for (const { what } of this.#table) if (!isKeyWatch(what) && key.startsWith(what.prefix)) return true;
    return false;
  }

  #load(node: WatchedNode): Promise<void> {
    node.known ??= this.#loadAll(node);
    return node.known;
  }

  async #loadAll(node: WatchedNode): Promise<void> {
    try {
      await this.#look(node);
    } catch (error) {
      node.known = undefined;
      throw error;
    }
    const below = [...node.children].flatMap((key) => this.#nodes.get(key) ?? []);
    const loads = below.map((child) => this.#load(child));
    for (const outcome of await Promise.allSettled(loads)) {
      if (outcome.status === 'rejected' && isUnreachable(outcome.reason)) throw outcome.reason;
    }
  }

  /** Reads a node for which nobody waits. A failed read is reported there, and a lost connection leads to a new read. */
  #lookAgain(node: WatchedNode): void {
    this.#load(node)
      .then(() => this.#look(node))
      .catch(() => undefined);
  }

  /** Reads until what is needed of a node is known. */
  #look(node: WatchedNode): Promise<void> {
    node.reading ??= this.#read(node);
    return node.reading;
  }

  async #read(node: WatchedNode): Promise<void> {
    try {
      while (this.#nodes.get(node.key) === node && (await this.#readOnce(node)));
    } finally {
      node.reading = undefined;
    }
  }

  /** @returns whether anything had to be read */
  async #readOnce(node: WatchedNode): Promise<boolean> {
    const path = this.#paths.pathOf(node.key);
    const isData = node.areDataStale && this.#needsData(node.key);
    const isChildren = !isData && node.areChildrenStale && this.#needsChildren(node.key);
    if (!isData && !isChildren) return false;
    const session = this.#session;
    if (!session) throw unreachable(this.#server, 'the connection was lost');
    // Before the request: a change that is reported meanwhile makes stale again.
    if (isData) node.areDataStale = false;
    else node.areChildrenStale = false;
    node.isNamedSince = false;
    try {
      const answer = isData ? await session.data(path, true) : await session.children(path, true);
      if (session !== this.#session) throw unreachable(this.#server, 'the connection was lost');
      if (this.#nodes.get(node.key) !== node) return true;
      if (answer.code === CODE.noNode) await this.#absent(session, node, answer.zxid);
      else if (answer.code !== CODE.ok) throw refused(this.#server, `reading ${path}`, answer.code);
      else {
        node.isAbsent = false;
        node.failure = undefined;
        if (isData) this.#onData(node, answer as Answer<NodeData>);
        else this.#onChildren(node, answer.value as string[], answer.zxid);
      }
      return true;
    } catch (error) {
      if (isData) node.areDataStale = true;
      else node.areChildrenStale = true;
      if (!isUnreachable(error)) this.#readLater(node, error as Error);
      throw error;
    }
  }

  #onData(node: WatchedNode, { value }: Answer<NodeData>): void {
    const { bytes, stat } = value!;
    const isOwned = ownerOf(stat) !== undefined;
    // A node that a session owns has no children.
    if (isOwned) node.areChildrenStale = false;
    node.order = this.#orderOf(numberOf(stat.mzxid));
    const entry = entryOf(node.key, bytes, isOwned, stat.version);
    if (!entry && !node.entry) return;
    node.entry = entry;
    this.#table.change({ key: node.key, entry, order: node.order });
  }

  #onChildren(node: WatchedNode, names: readonly string[], zxid: number): void {
    const before = new Set(node.children);
    node.children.clear();
    for (const name of names) {
      const key = this.#paths.childOf(node.key, name);
      if (key === undefined || !this.#isBelowPrefix(key)) continue;
      node.children.add(key);
      before.delete(key);
      const isNew = !this.#nodes.has(key);
      const child = this.#nodeOf(key);
      child.isNamedSince = true;
      if (child.isAbsent) child.areDataStale = child.areChildrenStale = true;
      if (isNew || child.isAbsent) this.#lookAgain(child);
    }
    for (const key of before) this.#gone(key, zxid);
  }

  /** A list of children does not name a node any more. */
  #gone(key: string, zxid: number): void {
    const node = this.#nodes.get(key);
    if (!node) return;
    if (this.#isStart(key)) {
      node.areDataStale = node.areChildrenStale = true;
      this.#lookAgain(node);
      return;
    }
    this.#nodes.delete(key);
    this.#setAbsent(node, zxid);
  }

  /** A read has found no node. */
  async #absent(session: Session, node: WatchedNode, zxid: number): Promise<void> {
    let seenAt = zxid;
    // The list of the node above tells of the creation of all others.
    if (this.#isStart(node.key)) {
      const path = this.#paths.pathOf(node.key);
      const answer = await session.exists(path);
      if (this.#nodes.get(node.key) !== node) return;
      if (answer.code !== CODE.ok) throw refused(this.#server, `watching ${path}`, answer.code);
      if (answer.value) node.areDataStale = node.areChildrenStale = true;
      seenAt = answer.zxid;
    } else if (node.isNamedSince) node.areDataStale = node.areChildrenStale = true;
    if (!node.areDataStale) this.#setAbsent(node, seenAt);
  }

  #setAbsent(node: WatchedNode, zxid: number): void {
    node.isAbsent = true;
    const { key, entry } = node;
    node.entry = undefined;
    if (entry) this.#table.change({ key, entry: undefined, order: this.#orderOf(zxid) });
    for (const child of [...node.children]) this.#gone(child, zxid);
    node.children.clear();
  }

  #orderOf(zxid: number): number {
    const order = this.#orderBase + zxid;
    this.#newestOrder = Math.max(this.#newestOrder, order);
    return order;
  }

  #readLater(node: WatchedNode, error: Error): void {
    if (node.failure !== error.message && !this.#awaited.has(node.key)) this.#hooks.failed(error);
    node.failure = error.message;
    this.#unreadable.add(node);
    this.#retry ??= backgroundClock.setTimeout(() => {
      this.#retry = undefined;
      const nodes = [...this.#unreadable];
      this.#unreadable.clear();
      for (const each of nodes) if (this.#nodes.get(each.key) === each) this.#lookAgain(each);
    }, RETRY_MS);
  }
}

/** A node without data is a folder, and no key, unless the node is owned by a session: such nodes have no children. */
export function entryOf(key: string, bytes: Buffer | undefined, isOwned: boolean, version: number): StoredEntry | undefined {
  if (!bytes && !isOwned) return undefined;
  return { key, version: version + 1, bytes: bytes ?? Buffer.alloc(0) };
}
