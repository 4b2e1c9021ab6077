// The cluster ports that this process has bound, and which channels it leads on each. The only state that is
// shared by all clients of a process: a port can be bound once, however many channels want it.

import net from 'node:net';
import { formatEndpoint, loopback, type Endpoint } from '../endpoint';
import { TrunklineError } from '../errors';
import { soon } from '../time';
import type { ChannelLease } from './term';

/** Ports that are bound, being bound, or being closed by this process. */
const ports = new Map<number, Promise<HeldPort | undefined>>();

/**
 * Claims a channel on a port, binding the port if nobody has.
 * @returns undefined when another process holds the port, or this one already leads the channel on it
 * @throws TrunklineError ERR_TRUNKLINE_BIND_FAILED
 */
export async function claimChannel(port: number, channel: string): Promise<ChannelLease | undefined> {
  for (;;) {
    let binding = ports.get(port);
    if (!binding) {
      binding = HeldPort.bind(loopback(port));
      ports.set(port, binding);
      const forget = (): void => {
        if (ports.get(port) === binding) ports.delete(port);
      };
      binding.then((held) => {
        if (held) held.closed.then(forget, forget);
        else forget();
      }, forget);
    }
    const held = await binding;
    if (!held) return undefined;
    if (!held.closing) return held.claim(channel);
    await held.closed; // the last channel was just given up: bind anew
  }
}

class HeldPort {
  readonly #server: net.Server;
  readonly #endpoint: Endpoint;
  readonly #channels = new Set<string>();
  readonly #sockets = new Set<net.Socket>();
  readonly closed: Promise<void>;
  closing = false;

  private constructor(server: net.Server, endpoint: Endpoint) {
    this.#server = server;
    this.#endpoint = endpoint;
    this.closed = new Promise((resolve) => server.once('close', resolve));
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  /** An exclusive bind: also inside node:cluster workers, where `listen` would otherwise be shared. */
  static bind(endpoint: Endpoint): Promise<HeldPort | undefined> {
    return new Promise((resolve, reject) => {
      const server = net.createServer({ noDelay: true });
      const held = new HeldPort(server, endpoint);
      // Also after the bind: a failed accept (too many open files) is an error event and must not end the process.
      server.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code === 'EADDRINUSE') {
          resolve(undefined);
          return;
        }
        reject(
          new TrunklineError(
            'ERR_TRUNKLINE_BIND_FAILED',
            `cluster port ${formatEndpoint(endpoint)} cannot be bound: ${error.message}; choose another with the option port`,
            { port: endpoint.port, cause: error },
          ),
        );
      });
      server.listen({ host: endpoint.host, port: endpoint.port, exclusive: true }, () => {
        resolve(held);
      });
    });
  }

  claim(channel: string): ChannelLease | undefined {
    if (this.#channels.has(channel)) return undefined;
    this.#channels.add(channel);
    let released: Promise<void> | undefined;
    return {
      server: this.#server,
      endpoint: this.#endpoint,
      release: () => (released ??= this.#release(channel)),
    };
  }

  async #release(channel: string): Promise<void> {
    this.#channels.delete(channel);
    if (this.#channels.size > 0) return;
    this.closing = true;
    // The listening socket is closed within this call: whoever loses a connection from here on can bind the port.
    this.#server.close();
    // What belongs to a channel closes its connections itself and may still flush them; only strangers are left then.
    soon(() => {
      for (const socket of this.#sockets) if (!socket.writableEnded) socket.destroy();
    });
    await this.closed;
  }
}
