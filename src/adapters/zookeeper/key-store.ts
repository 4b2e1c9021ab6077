// Keys of ZooKeeper by single requests: reading, listing, writing and deleting. Each function uses a single connection.

import type { StoredEntry, WriteOptions } from '../registry';
import { entryOf } from './node-mirror';
import { makeAbove } from './owned-nodes';
import { startOf, type Paths } from './paths';
import type { NodeData, Session } from './session';
import { conflict, refused, tooLarge } from './zookeeper-failure';
import { CODE, ownerOf } from './zookeeper-package';

/** How often a write is tried again while others make and remove the node. */
const MAX_TRIES = 20;

/** What a request needs besides path and value, bytes: numbers, and an ACL of two users. */
const REQUEST_BYTES = 256;

export class KeyStore {
  readonly #server: string;
  readonly #paths: Paths;
  readonly #maxRequestBytes: number;

  constructor(server: string, paths: Paths, maxRequestBytes: number) {
    this.#server = server;
    this.#paths = paths;
    this.#maxRequestBytes = maxRequestBytes;
  }

  /** @throws TrunklineError ERR_TRUNKLINE_VALUE_TOO_LARGE */
  assertFits(key: string, bytes: Uint8Array): void {
    const limitBytes = this.#maxRequestBytes - REQUEST_BYTES - 2 * Buffer.byteLength(this.#paths.pathOf(key));
    if (bytes.byteLength > limitBytes) throw tooLarge(this.#server, key, bytes.byteLength, limitBytes);
  }

  async get(session: Session, key: string): Promise<StoredEntry | null> {
    const data = await this.#data(session, `get of ${key}`, key);
    return (data && this.#entryOf(key, data)) ?? null;
  }

  /** Keys that change during the reading may be from before or after. */
  async list(session: Session, prefix: string): Promise<StoredEntry[]> {
    const entries: StoredEntry[] = [];
    const visit = async (above: string): Promise<void> => {
      const { code, value } = await session.children(this.#paths.pathOf(above), false);
      if (code === CODE.noNode) return;
      if (!value) throw refused(this.#server, `list of ${prefix}`, code);
      await Promise.all(
        value.map(async (name) => {
          const key = this.#paths.childOf(above, name);
          if (!key?.startsWith(prefix)) return;
          const data = await this.#data(session, `list of ${prefix}`, key);
          if (!data) return;
          const entry = this.#entryOf(key, data);
          if (entry) entries.push(entry);
          if (data.stat.numChildren > 0) await visit(key);
        }),
      );
    };
    await visit(startOf({ prefix }));
    return entries.sort((a, b) => (a.key < b.key ? -1 : 1));
  }

  /** @returns the version of the new value */
  async put(session: Session, key: string, bytes: Buffer, { ifVersion }: WriteOptions): Promise<number> {
    const path = this.#paths.pathOf(key);
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const outcome =
        ifVersion === 0
          ? await this.#putNew(session, key, path, bytes)
          : await this.#putOver(session, key, path, bytes, ifVersion);
      if (outcome !== undefined) return outcome;
    }
    throw refused(this.#server, `put of ${key}, which others keep changing`, CODE.badVersion);
  }

  /** @returns whether the key existed */
  async delete(session: Session, key: string, { ifVersion }: WriteOptions): Promise<boolean> {
    const path = this.#paths.pathOf(key);
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const data = await this.#data(session, `delete of ${key}`, key);
      const entry = data && this.#entryOf(key, data);
      if (ifVersion !== undefined && (entry?.version ?? 0) !== ifVersion)
        throw conflict(this.#server, key, ifVersion, entry?.version);
      if (!entry) return false;
      const version = entry.version - 1;
      let { code } = await session.remove(path, version);
      // A node with others below stays as a folder.
      if (code === CODE.notEmpty) ({ code } = await session.clear(path, version));
      if (code === CODE.ok) return true;
      if (code !== CODE.badVersion && code !== CODE.noNode) throw refused(this.#server, `delete of ${key}`, code);
    }
    throw refused(this.#server, `delete of ${key}, which others keep changing`, CODE.badVersion);
  }

  /** @returns undefined when another try is needed */
  async #putOver(
    session: Session,
    key: string,
    path: string,
    bytes: Buffer,
    ifVersion: number | undefined,
  ): Promise<number | undefined> {
    const { code, value } = await session.setData(path, bytes, ifVersion === undefined ? -1 : ifVersion - 1);
    if (value) return value.version + 1;
    if (code === CODE.noNode && ifVersion === undefined) return this.#create(session, key, path, bytes);
    if (code !== CODE.noNode && code !== CODE.badVersion) throw refused(this.#server, `put of ${key}`, code);
    const entry = await this.get(session, key);
    throw conflict(this.#server, key, ifVersion!, entry?.version);
  }

  /** @returns undefined when another try is needed */
  async #putNew(session: Session, key: string, path: string, bytes: Buffer): Promise<number | undefined> {
    const data = await this.#data(session, `put of ${key}`, key);
    const entry = data && this.#entryOf(key, data);
    if (entry) throw conflict(this.#server, key, 0, entry.version);
    if (!data) return this.#create(session, key, path, bytes);
    // A folder becomes a key.
    const { code, value } = await session.setData(path, bytes, data.stat.version);
    if (value) return value.version + 1;
    if (code !== CODE.noNode && code !== CODE.badVersion) throw refused(this.#server, `put of ${key}`, code);
    return undefined;
  }

  /** @returns the version of the new key; undefined when another try is needed */
  async #create(session: Session, key: string, path: string, bytes: Buffer): Promise<number | undefined> {
    const { code } = await session.create(path, bytes);
    if (code === CODE.ok) return 1;
    if (code === CODE.noNode) await makeAbove(this.#server, session, this.#paths, key);
    else if (code !== CODE.nodeExists) throw refused(this.#server, `put of ${key}`, code);
    return undefined;
  }

  /** @returns undefined when there is no node */
  async #data(session: Session, what: string, key: string): Promise<NodeData | undefined> {
    const { code, value } = await session.data(this.#paths.pathOf(key), false);
    if (code !== CODE.ok && code !== CODE.noNode) throw refused(this.#server, what, code);
    return value;
  }

  #entryOf(key: string, { bytes, stat }: NodeData): StoredEntry | undefined {
    return entryOf(key, bytes, ownerOf(stat) !== undefined, stat.version);
  }
}
