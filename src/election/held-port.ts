// The ports that this process has bound: cluster ports, and one of its own where it leads what it was appointed for. The only
// state that is shared by all clients of a process: a port can be bound once, however many channels want it.

import net from 'node:net';
import { formatEndpoint, loopback, type Endpoint } from '../endpoint';
import { TrunklineError } from '../errors';
import { OWN_SERVER } from '../seat';
import { soon } from '../time';
import { Reception } from './reception';
import type { Meeting } from './term';

/** Ports that are bound, being bound, or being closed by this process, by `port secret`; port 0 is the own one. */
const ports = new Map<string, Promise<HeldPort | undefined>>();
/** Cluster ports that were seen in the hands of another process. */
const seenTaken = new Set<number>();

/** @param secret of the processes of this user; on one port all clients of a process have the same */
function nameOf(port: number, secret: Buffer | undefined): string {
  return port === 0 ? `own ${secret?.toString('base64') ?? ''}` : String(port);
}

export class HeldPort {
  readonly #server: net.Server;
  readonly #secret: Buffer | undefined;
  readonly #sockets = new Set<net.Socket>();
  readonly #closed: Promise<void>;
  #closing = false;
  readonly port: number;
  readonly reception: Reception;

  private constructor(server: net.Server, meeting: Meeting, secret: Buffer | undefined, appoints: boolean) {
    this.#server = server;
    this.#secret = secret;
    this.port = (server.address() as net.AddressInfo).port;
    this.#closed = new Promise((resolve) => server.once('close', resolve));
    server.on('connection', (socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    this.reception = new Reception({
      server,
      secret,
      clock: meeting.clock,
      meeting,
      appoints,
      hasPredecessor: appoints && seenTaken.delete(this.port),
      onRelease: () => this.#onRelease(),
    });
  }

  /**
   * Binds the cluster port, unless this process has it already.
   * @returns undefined when another process holds it
   * @throws TrunklineError ERR_TRUNKLINE_BIND_FAILED
   */
  static hold(meeting: Meeting): Promise<HeldPort | undefined> {
    return HeldPort.#get(meeting, meeting.endpoint);
  }

  /** The port where this process leads what it was appointed for. */
  static async own(meeting: Meeting): Promise<HeldPort> {
    return (await HeldPort.#get(meeting, loopback(0)))!;
  }

  static async #get(meeting: Meeting, endpoint: Endpoint): Promise<HeldPort | undefined> {
    const secret = await meeting.secret();
    const name = nameOf(endpoint.port, secret);
    for (;;) {
      let binding = ports.get(name);
      if (!binding) {
        binding = HeldPort.#bind(meeting, secret, endpoint);
        ports.set(name, binding);
        const forget = (): void => {
          if (ports.get(name) === binding) ports.delete(name);
        };
        binding.then((held) => {
          if (held) held.#closed.then(forget, forget);
          else forget();
        }, forget);
      }
      const held = await binding;
      if (held && held.#closing) {
        await held.#closed; // the last channel was just given up: bind anew
        continue;
      }
      if (held && !isSame(held.#secret, secret)) {
        const message = `cluster port ${formatEndpoint(endpoint)}: this process already holds it with another secret; give all its clients the same auth and secret`;
        throw new TrunklineError('ERR_TRUNKLINE_OPTION_INVALID', message, { port: endpoint.port, option: 'secret' });
      }
      return held;
    }
  }

  /** An exclusive bind: also inside node:cluster workers, where `listen` would otherwise be shared. */
  static #bind(meeting: Meeting, secret: Buffer | undefined, endpoint: Endpoint): Promise<HeldPort | undefined> {
    return new Promise((resolve, reject) => {
      const server = net.createServer({ noDelay: true });
      Object.defineProperty(server, OWN_SERVER, { value: true });
      // Also after the bind: a failed accept (too many open files) is an error event and must not end the process.
      server.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code === 'EADDRINUSE') {
          seenTaken.add(endpoint.port);
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
        resolve(new HeldPort(server, meeting, secret, endpoint.port !== 0));
      });
    });
  }

  /** A channel of this process was given up. */
  async #onRelease(): Promise<void> {
    if (!this.reception.isEmpty || this.#closing) return;
    this.#closing = true;
    this.reception.close();
    // The listening socket is closed within this call: whoever loses a connection from here on can bind the port.
    this.#server.close();
    // What belongs to a channel closes its connections itself and may still flush them; only others are left then.
    soon(() => {
      for (const socket of this.#sockets) if (!socket.writableEnded) socket.destroy();
    });
    await this.#closed;
  }
}

function isSame(one: Buffer | undefined, other: Buffer | undefined): boolean {
  return one === other || (one !== undefined && other !== undefined && one.equals(other));
}
