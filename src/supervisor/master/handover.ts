// Passes connections to a child over the IPC channel. The master keeps a descriptor of the connection until the child has
// confirmed: connections that a child had not taken before dying can be served by another child.

import type { Socket } from 'node:net';
import { systemClock, type Clock, type Timer } from '../../time';
import type { HandedConnection } from '../messaging/messages';

/** A child that has not answered for this time, ms, is asked whether the connection has arrived. */
const ASK_MS = 1_000;

/** Sends messages with a descriptor that stays open in this process. */
export interface HandleChannel {
  send(message: HandedConnection, socket: Socket | undefined, onSent: (error: Error | null) => void): unknown;
}

interface Pending {
  readonly socket: Socket;
  readonly resolve: (isTaken: boolean) => void;
}

export class Handover {
  readonly #channel: HandleChannel;
  readonly #clock: Clock;
  /** Sent and not answered, oldest first. */
  readonly #pending = new Map<number, Pending>();
  #lastId = 0;
  #isEnded = false;
  #asking: Timer | undefined;

  constructor(channel: HandleChannel, clock: Clock = systemClock) {
    this.#channel = channel;
    this.#clock = clock;
  }

  /** Connections that the child has not confirmed yet. */
  get pending(): number {
    return this.#pending.size;
  }

  /**
   * Sends the connection; nothing may read from the socket any more.
   * @param head what has been read of the connection
   * @returns true: the child has the connection, and the master's descriptor is closed; false: the child will never touch the
   * connection
   */
  hand(socket: Socket, head: Buffer | undefined): Promise<boolean> {
    if (this.#isEnded || socket.destroyed) return Promise.resolve(false);
    // Without a server Node does not keep account of the socket in both processes, which would make the end of the
    // server wait for connections of the children.
    (socket as { server?: unknown }).server = null;
    const id = ++this.#lastId;
    return new Promise((resolve) => {
      this.#pending.set(id, { socket, resolve });
      const message = { trunkline: 'connection', id, ...(head && { head: head.toString('base64') }) } as const;
      this.#channel.send(message, socket, (error) => {
        if (error) this.#settle(id, false);
      });
      this.#askLater();
    });
  }

  /** The child has confirmed: from now on the connection belongs to the child. */
  onTaken(id: number): void {
    this.#onAnswer(id, true);
  }

  /** The child has no server for the connection, or did not get a handle. */
  onRefused(id: number): void {
    this.#onAnswer(id, false);
  }

  /**
   * The child is gone, and all messages of the child have been read: this is the `close` event. On `exit` a confirmation may
   * still lie in the channel; `disconnect` does not come when a handle was under way.
   */
  onEnded(): void {
    this.#isEnded = true;
    this.#lose(Infinity);
    this.#clock.clearTimeout(this.#asking);
  }

  #onAnswer(id: number, isTaken: boolean): void {
    this.#lose(id);
    this.#settle(id, isTaken);
    this.#clock.clearTimeout(this.#asking);
    this.#asking = undefined;
    this.#askLater();
  }

  /**
   * A child answers in the order in which connections were sent. A connection without an answer never arrived: Node drops
   * handles when a process has no descriptors left, and says nothing.
   */
  #lose(before: number): void {
    for (const id of this.#pending.keys()) if (id < before) this.#settle(id, false);
  }

  /** Such a connection may be the last for a while: a message without a handle, which is refused, reveals the loss. */
  #askLater(): void {
    if (this.#asking || this.#pending.size === 0) return;
    this.#asking = this.#clock.setTimeout(() => {
      const question = { trunkline: 'connection', id: ++this.#lastId } as const;
      this.#channel.send(question, undefined, () => undefined);
    }, ASK_MS);
    this.#asking.unref();
  }

  #settle(id: number, isTaken: boolean): void {
    const pending = this.#pending.get(id);
    if (!pending) return;
    this.#pending.delete(id);
    // Only closes this process's descriptor: the client notices nothing, because the child has another descriptor.
    if (isTaken) pending.socket.destroy();
    pending.resolve(isTaken);
  }
}
