// A connection of a server of this process: what is under way there, in any protocol, and since when the connection is idle.

import type { ServerResponse } from 'node:http';
import type { ServerHttp2Session } from 'node:http2';
import type { Server, Socket } from 'node:net';
import { closeAfter } from './closing-answer';
import { wholeTurn } from './loop-turn';

/** Marks an accepted socket with a ServerConnection. The proxy that HTTP/2 gives out for a socket passes properties on. */
const CONNECTION = Symbol('trunkline.connection');

/** A socket, or a TLS socket over another socket. */
interface Layered {
  [CONNECTION]?: ServerConnection;
  readonly _parent?: Layered | null;
}

export class ServerConnection {
  readonly #socket: Socket;
  readonly #server: Server | undefined;
  readonly #hasData: boolean;
  /** The socket with the requests: the TLS socket over the accepted socket, or the accepted socket. */
  #speaker: Socket;
  /** Answers that are not finished, in the order of requests: a client may send several requests without waiting. */
  readonly #underWay: ServerResponse[] = [];
  #requests = 0;
  #bytesAtAnswer = -1;
  #session: ServerHttp2Session | undefined;
  #isDraining = false;
  /** An answer has ended during the drain: another request is not expected. */
  #isDone = false;
  #idleSince: number | undefined;

  /** The connection to which a socket belongs, directly or as the upper layer. */
  static of(socket: unknown): ServerConnection | undefined {
    let layer = socket as Layered | null | undefined;
    while (layer && !layer[CONNECTION]) layer = layer._parent;
    return layer?.[CONNECTION];
  }

  /**
   * @param server undefined when the socket was not accepted in this process, and no server is known yet
   * @param hasData whether data of the connection was read before the connection came to this process
   */
  constructor(socket: Socket, server: Server | undefined, hasData: boolean) {
    this.#socket = socket;
    this.#speaker = socket;
    this.#server = server;
    this.#hasData = hasData;
    (socket as Layered)[CONNECTION] = this;
  }

  /** The server that the requests are for: not always the server that has accepted the connection. */
  get server(): Server | undefined {
    return (this.#speaker as { readonly server?: Server | null }).server ?? this.#server;
  }

  /** Whether nobody waits for more on the connection: an answer has said, or should have said, that nothing follows. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /** How many requests the connection has carried. */
  get requests(): number {
    return this.#requests;
  }

  onSecure(socket: Socket): void {
    this.#speaker = socket;
  }

  onSession(session: ServerHttp2Session): void {
    if (this.#session === session) return;
    this.#session = session;
    if (this.#isDraining) void this.#sendAway(session);
  }

  onRequest(socket: Socket, response: ServerResponse): void {
    this.#speaker = socket;
    this.#requests++;
    this.#underWay.push(response);
    if (this.#isDraining) this.#closeAfter(response);
  }

  onAnswered(response: ServerResponse): void {
    const at = this.#underWay.indexOf(response);
    if (at >= 0) this.#underWay.splice(at, 1);
    this.#bytesAtAnswer = this.#speaker.bytesRead;
    this.#isDone = this.#isDraining && this.#underWay.length === 0;
  }

  /** From now on the requests under way are the last of the connection. */
  drain(): void {
    this.#isDraining = true;
    for (const response of this.#underWay) this.#closeAfter(response);
    if (this.#session) void this.#sendAway(this.#session);
  }

  /**
   * @param idle the sockets that Node.js takes for idle
   * @param isTracked whether Node.js tracks the connections of the server, which is not so if the server has never listened
   * @returns for how long nothing has been under way, ms, as far as earlier looks have seen; undefined when something is
   */
  idleForMs(idle: ReadonlySet<Socket>, isTracked: boolean): number | undefined {
    if (this.#isBusy(idle, isTracked)) {
      this.#idleSince = undefined;
      return undefined;
    }
    const now = performance.now();
    this.#idleSince ??= now;
    return now - this.#idleSince;
  }

  /** Ends the connection after everything written has been sent. */
  end(): void {
    this.#speaker.destroySoon();
  }

  cut(): void {
    this.#socket.destroy();
  }

  /** Whether something is under way, which is always assumed of other protocols than HTTP. */
  #isBusy(idle: ReadonlySet<Socket>, isTracked: boolean): boolean {
    if (this.#session) return !this.#session.destroyed;
    if (this.#underWay.length > 0 || !speaksHttp(this.server)) return true;
    // A connection without a request has a half-read head, a TLS handshake or an upgraded socket, unless nothing was read at all.
    if (this.#requests === 0) return !this.#isUntouched;
    return isTracked ? !idle.has(this.#speaker) : this.#speaker.bytesRead !== this.#bytesAtAnswer;
  }

  /** Whether nothing of the connection was read, as with connections that a browser opens in advance. */
  get #isUntouched(): boolean {
    return this.#speaker.bytesRead === 0 && !(this.#speaker === this.#socket && this.#hasData);
  }

  /**
   * Streams under way finish, then the session ends. Node.js names the last stream that was read in the GOAWAY frame and ignores
   * later streams, which a client may then safely open elsewhere. Everything that has arrived is therefore read first.
   */
  async #sendAway(session: ServerHttp2Session): Promise<void> {
    await wholeTurn();
    if (!session.destroyed) session.close();
  }

  /**
   * Only the last of several pipelined answers may close the connection: the end of an earlier answer would cut the others off.
   */
  #closeAfter(response: ServerResponse): void {
    closeAfter(response, () => this.#underWay.at(-1) === response);
  }
}

/** Servers of node:http, node:https and node:http2 have at least one of these methods. */
function speaksHttp(server: Server | undefined): boolean {
  return server !== undefined && ('closeIdleConnections' in server || 'updateSettings' in server);
}
