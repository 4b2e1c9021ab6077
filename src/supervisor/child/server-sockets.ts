// The servers of this process and all connections, except servers of the shared client, found through Node's diagnostics
// channels: the application need not register servers. A process finishes these connections before ending.

import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { ServerResponse } from 'node:http';
import type { ServerHttp2Session, ServerHttp2Stream } from 'node:http2';
import type { Server, Socket } from 'node:net';
import { OWN_SERVER } from '../../seat';
import type { Address } from '../messaging/messages';
import { closeAfter } from './closing-answer';
import { closeServer } from './closing-server';
import { idleSockets } from './idle-sockets';
import { ServerConnection } from './server-connection';

/** Idle connections get this long, ms, because a client may be about to write. */
const IDLE_GRACE_MS = 100;
/** How often connections are looked at during a drain, ms: what was under way becomes idle. */
const LOOK_MS = 50;
/** The default of Node.js for `keepAliveTimeout`, ms, for servers without this property. */
const KEEP_ALIVE_MS = 5_000;
/** Node.js keeps a connection for this long beyond the `keepAliveTimeout` that the client was told, ms. */
const KEEP_ALIVE_BUFFER_MS = 1_000;

/** A request and the answer, as Node.js reports both. */
interface Exchange {
  readonly socket: Socket;
  readonly response: ServerResponse;
}

export class ServerSockets {
  readonly #servers = new Set<Server>();
  readonly #connections = new Set<ServerConnection>();
  /** How many connections each server has accepted. */
  readonly #accepted = new WeakMap<Server, number>();
  #isDraining = false;
  #isGentle = false;
  #onQuiet: (() => void) | undefined;
  #onHurry: ((limitMs: number) => void) | undefined;
  readonly #onListening: (address: Address, server: Server) => void;

  /** @param onListening called for each server */
  constructor(onListening: (address: Address, server: Server) => void) {
    this.#onListening = onListening;
  }

  /** Oldest first. */
  get servers(): Iterable<Server> {
    return this.#servers;
  }

  /** From now on servers and connections are known. @returns ends the observation */
  observe(): () => void {
    const listeners: Record<string, (message: unknown) => void> = {
      'tracing:net.server.listen:asyncEnd': (message) => this.#onListen(message as { server: Server }),
      'net.server.socket': (message) => {
        const { socket } = message as { socket: Socket & { server?: Server } };
        if (!isOwn(socket.server)) this.add(socket, socket.server, false);
      },
      'http.server.request.start': (message) => this.#onRequest(message as Exchange),
      'http.server.response.finish': (message) => {
        const { socket, response } = message as Exchange;
        ServerConnection.of(socket)?.onAnswered(response);
      },
      // Sessions of a server that does not listen; Node.js 20 does not report such sessions.
      'http2.server.stream.created': (message) => {
        const { session } = (message as { stream: ServerHttp2Stream }).stream;
        if (session) onSession(session as ServerHttp2Session);
      },
    };
    for (const [name, listener] of Object.entries(listeners)) subscribe(name, listener);
    return () => {
      for (const [name, listener] of Object.entries(listeners)) unsubscribe(name, listener);
    };
  }

  /**
   * Accepts nothing more; resolves when the last connection has ended, or after the limit, when the remaining connections are
   * cut.
   * @param gently idle connections end with the next answer, or by the keepAliveTimeout that clients know; otherwise idle
   * connections get a moment
   */
  async drain(limitMs: number, gently: boolean): Promise<void> {
    this.#isDraining = true;
    this.#isGentle = gently;
    let isClosed = false;
    const look = setInterval(() => this.#endIdle(), LOOK_MS);
    for (const connection of this.#connections) connection.drain();
    this.#endIdle();
    const closed = [...this.#servers].map((server) => this.#close(server));
    await new Promise<void>((resolve) => {
      let limit = setTimeout(resolve, limitMs);
      this.#onQuiet = () => {
        if (!isClosed || this.#connections.size > 0) return;
        clearTimeout(limit);
        resolve();
      };
      this.#onHurry = (newLimitMs) => {
        clearTimeout(limit);
        limit = setTimeout(resolve, newLimitMs);
      };
      void Promise.all(closed).then(() => {
        isClosed = true;
        this.#onQuiet?.();
      });
    });
    clearInterval(look);
    for (const connection of this.#connections) connection.cut();
  }

  /** The drain that is under way is over after this limit, and idle connections end now. */
  hurry(limitMs: number): void {
    this.#isGentle = false;
    this.#onHurry?.(limitMs);
  }

  /**
   * A connection that the master has handed over: no listening socket of this process has accepted this connection.
   * @param hasData whether data was read from the connection before
   */
  add(socket: Socket, server: Server | undefined, hasData: boolean): void {
    if (server) this.#accepted.set(server, (this.#accepted.get(server) ?? 0) + 1);
    const connection = new ServerConnection(socket, server, hasData);
    this.#connections.add(connection);
    if (this.#isDraining) connection.drain();
    socket.once('close', () => {
      this.#connections.delete(connection);
      this.#onQuiet?.();
    });
  }

  #onListen({ server }: { server: Server }): void {
    const address = server.address();
    if (address === null || isOwn(server)) return;
    this.#know(server);
    this.#onListening(address, server);
  }

  #onRequest({ socket, response }: Exchange): void {
    const connection = ServerConnection.of(socket);
    if (connection) connection.onRequest(socket, response);
    else if (this.#isDraining) closeAfter(response, () => true); // over a stream that is no socket
  }

  #know(server: Server): void {
    if (this.#servers.has(server)) return;
    this.#servers.add(server);
    // Only TLS and HTTP/2 servers emit these events.
    server.on('secureConnection', (socket: Socket) => ServerConnection.of(socket)?.onSecure(socket));
    // Node.js reports the socket of a session only after the session.
    server.on('session', (session: ServerHttp2Session) => process.nextTick(onSession, session));
  }

  #close(server: Server): Promise<void> {
    const endIdle = (): void => this.#endIdle(server);
    return closeServer(server, () => this.#accepted.get(server) ?? 0, endIdle);
  }

  /** @param now the server whose idle connections end at once */
  #endIdle(now?: Server): void {
    const idle = idleSockets(this.#servers);
    for (const connection of this.#connections) {
      const { server } = connection;
      const idleForMs = connection.idleForMs(idle, server !== undefined && this.#servers.has(server));
      if (idleForMs !== undefined && (server === now || idleForMs >= this.#patienceMs(connection))) connection.end();
    }
  }

  /** How long an idle connection may wait for the next request. */
  #patienceMs({ isDone, requests, server }: ServerConnection): number {
    if (!this.#isGentle || isDone) return IDLE_GRACE_MS;
    const { keepAliveTimeout } = (server ?? {}) as { keepAliveTimeout?: number };
    return (keepAliveTimeout || KEEP_ALIVE_MS) + (requests > 0 ? KEEP_ALIVE_BUFFER_MS : 0);
  }
}

function onSession(session: ServerHttp2Session): void {
  if (!session.destroyed) ServerConnection.of(session.socket)?.onSession(session);
}

/** Whether the server is a server of the shared client: followers stay connected to the end, and are not waited for. */
function isOwn(server: Server | undefined): boolean {
  return server !== undefined && OWN_SERVER in server;
}
