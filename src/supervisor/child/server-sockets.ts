// The servers of this process and their connections, but for those of the shared client, found through Node's diagnostics channels: the application need
// not tell of them. They are what a process has to finish before it ends.

import { subscribe } from 'node:diagnostics_channel';
import http, { type ServerResponse } from 'node:http';
import { Server, type Socket } from 'node:net';
import { OWN_SERVER } from '../../seat';
import type { Address } from '../messages';

/** Idle keep-alive connections get this long, ms, because a client may just be writing to one. */
const IDLE_GRACE_MS = 100;

interface Connection {
  readonly server: Server | undefined;
  /** Whether something had been read of it before it came to this process. */
  readonly hasData: boolean;
  /** The answer that is under way. */
  response: ServerResponse | undefined;
  /** Answers given. */
  answered: number;
}

export class ServerSockets {
  readonly #servers = new Set<Server>();
  readonly #connections = new Map<Socket, Connection>();
  #isDraining = false;
  #onQuiet: (() => void) | undefined;
  #onHurry: ((limitMs: number) => void) | undefined;
  readonly #onListening: (address: Address) => void;

  /** @param onListening called for each server */
  constructor(onListening: (address: Address) => void) {
    this.#onListening = onListening;
  }

  /** Oldest first. */
  get servers(): Iterable<Server> {
    return this.#servers;
  }

  /** From now on servers and their connections are known. */
  observe(): void {
    subscribe('tracing:net.server.listen:asyncEnd', (message) => {
      const { server } = message as { server: Server };
      const address = server.address();
      if (address === null || isOwn(server)) return;
      this.#servers.add(server);
      this.#onListening(address);
    });
    subscribe('net.server.socket', (message) => {
      const { socket } = message as { socket: Socket & { server?: Server } };
      if (!isOwn(socket.server)) this.add(socket, socket.server, false);
    });
    subscribe('http.server.request.start', (message) => {
      const { socket, response } = message as { socket: Socket; response: ServerResponse };
      const connection = this.#connections.get(socket);
      if (connection) connection.response = response;
      // The next request of this connection shall go to another process.
      if (this.#isDraining) response.shouldKeepAlive = false;
    });
    subscribe('http.server.response.finish', (message) => {
      const connection = this.#connections.get((message as { socket: Socket }).socket);
      if (!connection) return;
      connection.response = undefined;
      connection.answered++;
    });
  }

  /**
   * Accepts nothing more; resolves when the last connection has ended, or after the limit, when what is left is cut.
   * @param gently idle connections are left to end with their next answer, or by the keepAliveTimeout that clients are
   *   told of; else they get a moment
   */
  async drain(limitMs: number, gently: boolean): Promise<void> {
    this.#isDraining = true;
    // Not the close of http.Server, which cuts answers that are not written out yet.
    for (const server of this.#servers) if (server.listening) Server.prototype.close.call(server);
    for (const { response } of this.#connections.values()) if (response) response.shouldKeepAlive = false;
    const idle = gently ? undefined : setTimeout(() => this.endIdle(), IDLE_GRACE_MS);
    await new Promise<void>((resolve) => {
      let limit = setTimeout(resolve, limitMs);
      this.#onQuiet = () => {
        clearTimeout(limit);
        resolve();
      };
      this.#onHurry = (newLimitMs) => {
        clearTimeout(limit);
        limit = setTimeout(resolve, newLimitMs);
      };
      this.#tellWhenQuiet();
    });
    clearTimeout(idle);
    for (const socket of this.#connections.keys()) socket.destroy();
  }

  /** The drain that is under way is over after this limit, and idle connections end now. */
  hurry(limitMs: number): void {
    this.endIdle();
    this.#onHurry?.(limitMs);
  }

  /**
   * A connection that the master has handed over: no listening socket of this process has accepted it.
   * @param hasData whether something had been read of it before
   */
  add(socket: Socket, server: Server | undefined, hasData: boolean): void {
    if (server) this.#servers.add(server);
    this.#connections.set(socket, { server, hasData, response: undefined, answered: 0 });
    socket.once('close', () => {
      this.#connections.delete(socket);
      this.#tellWhenQuiet();
    });
  }

  /** Ends HTTP connections between two requests, or before their first. Upgraded and other connections go on. */
  endIdle(): void {
    for (const [socket, { server, hasData, response, answered }] of this.#connections) {
      const isFresh = socket.bytesRead === 0 && !hasData;
      if (server instanceof http.Server && !response && (answered > 0 || isFresh)) socket.destroySoon();
    }
  }

  #tellWhenQuiet(): void {
    if (this.#connections.size === 0) this.#onQuiet?.();
  }
}

/** Where other processes follow this one: they stay connected to its end, and are not waited for. */
function isOwn(server: Server | undefined): boolean {
  return server !== undefined && OWN_SERVER in server;
}
