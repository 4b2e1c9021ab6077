// Serves the cluster port: turns accepted sockets into registered connections and hands each to the channel that it
// asks for. Until a socket has registered it is a stranger, with little room and little time; nothing that a
// stranger does reaches a channel.

import type { Server, Socket } from 'node:net';
import { MAX_FRAME_BYTES } from '../../protocol/frame';
import type { Register } from '../../protocol/message';
import type { Logger } from '../logger';
import type { Clock, Timer } from '../time';
import { Connection } from './connection';

/** What a stranger may send before it has registered: a registration is a few hundred bytes. */
export const STRANGER_BYTES = 16 * 1024;
/** How long a stranger may take for it, ms. */
export const STRANGER_MS = 5_000;

/** The serving side of one channel. */
export interface ChannelDoor {
  readonly logger: Logger;
  /** A peer has registered; from here on the connection belongs to the channel. */
  admit(connection: Connection, register: Register): void;
}

const listeners = new WeakMap<Server, Listener>();

export class Listener {
  readonly #clock: Clock;
  readonly #doors = new Map<string, ChannelDoor>();
  /** Peers that asked for a channel which nobody serves yet: they are let in when its leader comes. */
  readonly #waiting = new Map<Connection, Register>();

  private constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** The one listener of a bound server; the first caller's clock is used. */
  static of(server: Server, clock: Clock): Listener {
    let listener = listeners.get(server);
    if (!listener) {
      const created = (listener = new Listener(clock));
      listeners.set(server, created);
      server.on('connection', (socket) => {
        created.#onSocket(socket);
      });
    }
    return listener;
  }

  /** Serves a channel from now on, also to those who have been waiting for it. */
  open(channel: string, door: ChannelDoor): void {
    this.#doors.set(channel, door);
    for (const [connection, register] of this.#waiting) {
      if (register.channel !== channel) continue;
      this.#waiting.delete(connection);
      this.#admit(door, connection, register);
    }
  }

  /** Serves a channel no longer. Connections that were admitted stay with their channel. */
  shut(channel: string): void {
    this.#doors.delete(channel);
  }

  #onSocket(socket: Socket): void {
    const connection = new Connection(socket, this.#clock);
    connection.maxFrameBytes = STRANGER_BYTES;
    const deadline: Timer = this.#clock.setTimeout(() => {
      this.#dismiss(connection, `nothing was registered within ${STRANGER_MS} ms`);
    }, STRANGER_MS);
    deadline.unref();
    connection.receiver = (message) => {
      if (message.type !== 'register') {
        this.#dismiss(connection, `first message is ${message.type}`);
        return;
      }
      this.#clock.clearTimeout(deadline);
      this.#onRegister(connection, message);
    };
    void connection.closed.then((end) => {
      this.#clock.clearTimeout(deadline);
      this.#waiting.delete(connection);
      // Only of strangers: what a registered peer sends may hold values of the user.
      if (end.reason === 'not-understood' && connection.messagesHeard === 0) {
        this.#debug(connection, end.error.message);
      }
    });
  }

  #onRegister(connection: Connection, register: Register): void {
    const door = this.#doors.get(register.channel);
    if (door) {
      this.#admit(door, connection, register);
      return;
    }
    this.#waiting.set(connection, register);
    connection.receiver = (message) => {
      if (message.type === 'register') this.#onRegister(connection, message);
    };
  }

  #admit(door: ChannelDoor, connection: Connection, register: Register): void {
    connection.maxFrameBytes = MAX_FRAME_BYTES;
    door.admit(connection, register);
  }

  #dismiss(connection: Connection, why: string): void {
    this.#debug(connection, why);
    void connection.close();
  }

  #debug(connection: Connection, why: string): void {
    // A stranger belongs to no channel: any that is served may tell of it.
    const [door] = this.#doors.values();
    door?.logger.debug?.(`cluster port: socket closed, remotePort=${connection.remotePort}: ${why}`);
  }
}
