// The child's end of handing connections over: confirms a connection that the master has sent, and gives the connection to a
// server of this process as if accepted by that server.

import type { Server, Socket } from 'node:net';
import type { HandedConnection, HandedReply } from '../messaging/messages';

export interface StickyInletOptions {
  /** The servers of this process, oldest first. */
  readonly servers: () => Iterable<Server>;
  /** The port where clients connect; the server that listens there gets the connections, or else the first server. */
  readonly port: () => number | undefined;
  /** Tells the master, and calls back when that has left this process. */
  readonly tell: (reply: HandedReply, then: (error: Error | null) => void) => void;
  /** This process has a connection more. @param hasData whether the client has already sent something */
  readonly onConnection?: (socket: Socket, server: Server, hasData: boolean) => void;
}

/** Options that a server applies to accepted connections. */
interface AcceptOptions {
  readonly allowHalfOpen?: boolean;
  readonly pauseOnConnect?: boolean;
  readonly noDelay?: boolean;
  readonly keepAlive?: boolean;
  /** Seconds. */
  readonly keepAliveInitialDelay?: number;
}

export class StickyInlet {
  readonly #options: StickyInletOptions;

  constructor(options: StickyInletOptions) {
    this.#options = options;
  }

  /**
   * A connection has come from the master.
   * @param socket undefined when the connection was closed before being sent
   * @returns whether a server gets the connection
   */
  take({ id, head }: HandedConnection, socket: Socket | undefined): boolean {
    const server = this.#server();
    if (!socket || !server) {
      socket?.destroy(); // nothing was read from the socket; the master has another descriptor
      this.#options.tell({ trunkline: 'refused', id }, () => undefined);
      return false;
    }
    // Now and not after the confirmation: if the client ends the sending side meanwhile, the stream must still be able to go on.
    accept(socket, server);
    if (head !== undefined) socket.unshift(Buffer.from(head, 'base64'));
    socket.on('error', ignore);
    this.#options.onConnection?.(socket, server, head !== undefined);
    // Confirmed before the first byte is answered: without the confirmation, if this process were killed in between, another
    // process would answer again.
    this.#options.tell({ trunkline: 'taken', id }, (error) => {
      socket.removeListener('error', ignore);
      if (error || socket.readableEnded) socket.destroy();
      if (!socket.destroyed) server.emit('connection', socket);
    });
    return true;
  }

  #server(): Server | undefined {
    const servers = [...this.#options.servers()];
    const port = this.#options.port();
    const atPort = servers.find((server) => {
      const address = server.address();
      return address !== null && typeof address !== 'string' && address.port === port;
    });
    return atPort ?? servers[0];
  }
}

/** Does what a server does with an accepted connection. */
function accept(socket: Socket, server: Server): void {
  const options = server as AcceptOptions;
  socket.allowHalfOpen = options.allowHalfOpen ?? false;
  if (options.pauseOnConnect) socket.pause();
  if (options.noDelay) socket.setNoDelay(true);
  if (options.keepAlive) socket.setKeepAlive(true, (options.keepAliveInitialDelay ?? 0) * 1000);
}

function ignore(): void {
  // A client may go away at any time; the socket is destroyed then.
}
