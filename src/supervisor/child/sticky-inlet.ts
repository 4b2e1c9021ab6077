// The child's end of handing over: confirms a connection that the master has sent, and gives it to a server of this
// process as if that had accepted it.

import type { Server, Socket } from 'node:net';
import type { HandedConnection, HandedReply } from '../messages';

export interface StickyInletOptions {
  /** The servers of this process, oldest first. */
  readonly servers: () => Iterable<Server>;
  /** Where clients connect; the server that listens there gets the connections, else the first one. */
  readonly port: () => number | undefined;
  /** Tells the master, and calls back when that has left this process. */
  readonly tell: (reply: HandedReply, then: (error: Error | null) => void) => void;
  /** This process has a connection more. @param hasData whether the client has already sent something */
  readonly onConnection?: (socket: Socket, server: Server, hasData: boolean) => void;
}

/** Options of a server that it applies to what it accepts. */
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
   * @param socket undefined when it was closed before it could be sent
   * @returns whether a server gets it
   */
  take({ id, head }: HandedConnection, socket: Socket | undefined): boolean {
    const server = this.#server();
    if (!socket || !server) {
      socket?.destroy(); // nothing has been read from it; the master has a descriptor of its own
      this.#options.tell({ trunkline: 'refused', id }, () => undefined);
      return false;
    }
    // Now and not after the confirmation: if the client ends its side meanwhile, the stream must still be able to go on.
    accept(socket, server);
    if (head !== undefined) socket.unshift(Buffer.from(head, 'base64'));
    socket.on('error', ignore);
    this.#options.onConnection?.(socket, server, head !== undefined);
    // Confirmed before the first byte is answered: else, if this process was killed between the two, another one would
    // answer again.
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

/** What a server does itself with a connection that it accepts. */
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
