// The nodes that live as long as this client: ephemeral nodes of ZooKeeper, made again when the session has ended or somebody has
// removed the node. The node of a dead predecessor is replaced by a new node, so that the end of the predecessor's session takes
// nothing along.

import type { OwnedEntry } from '../registry';
import type { Paths } from './paths';
import type { Answer, Session } from './session';
import { isUnreachable, refused, unreachable } from './zookeeper-failure';
import { CODE, ownerOf } from './zookeeper-package';

/** How often a node is read and written again while others change the node. */
const MAX_TRIES = 20;

export class OwnedNodes {
  readonly #server: string;
  readonly #paths: Paths;
  readonly #failed: (error: Error) => void;
  /** Text by key. */
  readonly #wanted = new Map<string, string>();
  /** Keys whose node may be taken from another owner. */
  readonly #claims = new Set<string>();
  /** What is under way for a key. */
  readonly #work = new Map<string, Promise<void>>();
  /** The sessions that this client has had before, whose nodes will go soon. */
  readonly #formerSessions = new Set<string>();
  #session: Session | undefined;
  #onAttached: (() => void)[] = [];

  /** @param failed told of a node that could not be made again, when nobody waits for that */
  constructor(server: string, paths: Paths, failed: (error: Error) => void) {
    this.#server = server;
    this.#paths = paths;
    this.#failed = failed;
  }

  /** There is a connection. @returns resolves when every node is there again, or the connection is lost */
  async attach(session: Session): Promise<void> {
    this.#session = session;
    this.#formerSessions.delete(session.id);
    for (const listener of this.#onAttached.splice(0)) listener();
    await Promise.all([...this.#wanted.keys()].map((key) => this.#bringBack(key)));
  }

  detach(): void {
    if (this.#session) this.#formerSessions.add(this.#session.id);
    this.#session = undefined;
  }

  /** Resolves when the node is there; without a connection, later. @throws (rejects) TrunklineError ERR_TRUNKLINE_STORE_DENIED and others */
  async publish({ key, text }: OwnedEntry): Promise<void> {
    this.#wanted.set(key, text);
    this.#claims.add(key);
    while (this.#wanted.get(key) === text) {
      if (await this.#tryBring(key)) return;
    }
  }

  /** Resolves when the node is gone; without a connection, later. */
  async unPublish({ key, text }: OwnedEntry): Promise<void> {
    if (this.#wanted.get(key) !== text) return;
    this.#wanted.delete(key);
    this.#claims.delete(key);
    while (!this.#wanted.has(key)) {
      if (await this.#tryBring(key)) return;
    }
  }

  /** A watched node has changed. */
  changed(path: string): void {
    const key = this.#paths.keyOf(path);
    if (this.#wanted.has(key)) void this.#bringBack(key);
  }

  /** @returns false when the connection was lost */
  async #tryBring(key: string): Promise<boolean> {
    if (!this.#session) await new Promise<void>((resolve) => this.#onAttached.push(resolve));
    try {
      await this.#bring(key);
      return true;
    } catch (error) {
      if (isUnreachable(error)) return false;
      throw error;
    }
  }

  async #bringBack(key: string): Promise<void> {
    try {
      await this.#bring(key);
    } catch (error) {
      if (!isUnreachable(error)) this.#failed(error as Error);
    }
  }

  /** Makes the node what is wanted, when what is under way for the key has ended. */
  #bring(key: string): Promise<void> {
    const before = this.#work.get(key) ?? Promise.resolve();
    const work = before
      .catch(() => undefined)
      .then(() => this.#bringNow(key))
      .finally(() => {
        if (this.#work.get(key) === work) this.#work.delete(key);
      });
    this.#work.set(key, work);
    return work;
  }

  async #bringNow(key: string): Promise<void> {
    const path = this.#paths.pathOf(key);
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      const session = this.#session;
      if (!session) throw unreachable(this.#server, 'the connection was lost');
      const text = this.#wanted.get(key);
      const isDone =
        text === undefined ? await this.#removeOwn(session, path) : await this.#make(session, key, Buffer.from(text));
      if (isDone && this.#wanted.get(key) === text) return;
    }
    throw refused(this.#server, `registering ${key}, which others keep changing`, CODE.badVersion);
  }

  /** @returns whether nothing is left to do */
  async #make(session: Session, key: string, bytes: Buffer): Promise<boolean> {
    const path = this.#paths.pathOf(key);
    // The read also sets the watch by which the removal of the node is noticed.
    const { code, value } = await session.data(path, true);
    if (code === CODE.noNode) {
      await this.#create(session, key, bytes);
      return false;
    }
    if (!value) throw refused(this.#server, `registering ${key}`, code);
    const owner = ownerOf(value.stat);
    if (owner === session.id) {
      if (value.bytes?.equals(bytes)) {
        this.#claims.delete(key);
        return true;
      }
      this.#check(`registering ${key}`, await session.setData(path, bytes, value.stat.version), [CODE.noNode, CODE.badVersion]);
      return false;
    }
    const isFormer = owner !== undefined && this.#formerSessions.has(owner);
    if (!isFormer && !this.#claims.has(key)) return true; // another live client has taken the key over
    const answer = await session.replace(path, bytes, value.stat.version);
    this.#check(`registering ${key}`, answer, [CODE.noNode, CODE.badVersion, CODE.nodeExists]);
    return false;
  }

  async #create(session: Session, key: string, bytes: Buffer): Promise<void> {
    const answer = await session.create(this.#paths.pathOf(key), bytes, true);
    if (answer.code === CODE.noNode) await makeAbove(this.#server, session, this.#paths, key);
    else this.#check(`registering ${key}`, answer, [CODE.nodeExists]);
  }

  async #removeOwn(session: Session, path: string): Promise<boolean> {
    const { code, value } = await session.data(path, false);
    if (code === CODE.noNode) return true;
    if (!value) throw refused(this.#server, `deregistering ${path}`, code);
    const owner = ownerOf(value.stat);
    if (owner === undefined || (owner !== session.id && !this.#formerSessions.has(owner))) return true;
    const answer = await session.remove(path, value.stat.version);
    this.#check(`deregistering ${path}`, answer, [CODE.noNode, CODE.badVersion]);
    return answer.code !== CODE.badVersion;
  }

  #check(what: string, { code }: Answer<unknown>, expected: readonly number[]): void {
    if (code !== CODE.ok && !expected.includes(code)) throw refused(this.#server, what, code);
  }
}

/**
 * Makes the nodes above a node, from the lowest that is missing on: the user may have no rights further up. The nodes get no data,
 * and are therefore no keys.
 */
export async function makeAbove(server: string, session: Session, paths: Paths, key: string): Promise<void> {
  const missing = ancestorsOf(paths.pathOf(key));
  const made: string[] = [];
  for (const path of missing) {
    const { code } = await session.create(path, undefined);
    if (code === CODE.noNode) {
      made.push(path);
      continue;
    }
    if (code !== CODE.ok && code !== CODE.nodeExists) throw refused(server, `making ${path}`, code);
    break;
  }
  for (const path of made.reverse()) {
    const { code } = await session.create(path, undefined);
    // Somebody may remove what was just made; the caller tries again.
    if (code !== CODE.ok && code !== CODE.nodeExists && code !== CODE.noNode) throw refused(server, `making ${path}`, code);
  }
}

/** Paths above a path, the nearest first, without the root of ZooKeeper. */
function ancestorsOf(path: string): string[] {
  const ancestors: string[] = [];
  for (let end = path.lastIndexOf('/'); end > 0; end = path.lastIndexOf('/', end - 1)) ancestors.push(path.slice(0, end));
  return ancestors;
}
