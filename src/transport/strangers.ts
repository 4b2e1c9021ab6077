// The connections of this process that have not proved anything yet. Each stranger has little room and time; the number of
// strangers is bounded here, or a process that can connect to a port of this process could take all descriptors.

import { openFilesLimit } from '../facts';
import type { Connection } from './connection';

/** Far more than the processes of a host that connect in the same few milliseconds. */
const MAX_STRANGERS = 256;
/** The part of this process's descriptors that strangers may have. The rest is for followers, files and the application. */
const SHARE_OF_DESCRIPTORS = 1 / 4;

/** @param openFiles undefined: no limit, or not known */
export function strangersFor(openFiles: number | undefined): number {
  if (openFiles === undefined) return MAX_STRANGERS;
  return Math.max(1, Math.min(MAX_STRANGERS, Math.floor(openFiles * SHARE_OF_DESCRIPTORS)));
}

export class Strangers {
  readonly #limit: () => number;
  /** The connections of strangers, the oldest first. */
  readonly #connections = new Set<Connection>();

  /** @param limit asked when a stranger comes */
  constructor(limit: () => number) {
    this.#limit = limit;
  }

  /**
   * Adds a connection. The oldest strangers go when there are too many: a process of this user is a stranger for a few
   * milliseconds only, and therefore among the youngest as long as the sockets of a flood live longer.
   * @returns the connections that had to go
   */
  add(connection: Connection): Connection[] {
    this.#connections.add(connection);
    const surplus = [...this.#connections].slice(0, Math.max(0, this.#connections.size - this.#limit()));
    for (const each of surplus) this.delete(each);
    return surplus;
  }

  /** Removes a connection that has been identified, or is gone. */
  delete(connection: Connection): void {
    this.#connections.delete(connection);
  }
}

let limit: number | undefined;

/** All listeners of a process share the descriptors of the process. */
export const strangersOfProcess = new Strangers(() => (limit ??= strangersFor(openFilesLimit())));
