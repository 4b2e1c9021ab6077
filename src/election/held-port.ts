// The ports that this process has bound: cluster ports, and for each of them one of its own, where it leads what it was
// appointed for. The only state that is shared by all clients of a process: a port can be bound once, however many channels want
// it.

import net from 'node:net';
import { formatEndpoint, loopback, type Endpoint } from '../endpoint';
import { TrunklineError } from '../errors';
import { PerScope } from '../process-scope';
import { OWN_SERVER } from '../seat';
import { soon } from '../time';
import { Reception } from './reception';
import type { Meeting } from './term';

/**
 * Ports that are bound, being bound, or being closed by this process, by number; a name with `own` is the separate port that
 * belongs to a cluster port.
 */
const portsOf = new PerScope(() => new Map<string, Promise<HeldPort | undefined>>());
/** Cluster ports that were seen in the hands of another process. */
const seenTakenOf = new PerScope(() => new Set<number>());

export class HeldPort {
  readonly #server: net.Server;
  readonly #label: string;
  readonly #sockets = new Set<net.Socket>();
  readonly #closed: Promise<void>;
  #closing = false;
  readonly port: number;
  readonly reception: Reception;

  private constructor(server: net.Server, meeting: Meeting, appoints: boolean) {
    this.#server = server;
    this.#label = meeting.credentials.label;
    this.port = (server.address() as net.AddressInfo).port;
    this.#closed = new Promise((resolve) => server.once('close', resolve));
    const { isBackground } = meeting;
    if (isBackground) server.unref();
    server.on('connection', (socket) => {
      if (isBackground) socket.unref();
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
    this.reception = new Reception({
      server,
      meeting,
      appoints,
      hasPredecessor: appoints && seenTakenOf.of(meeting.scope).delete(this.port),
      onRelease: () => this.#leaveUnused(),
    });
  }

  /**
   * Binds the cluster port, unless this process has bound the port already.
   * @param use takes a lease at the port; the port is kept as long as this process leads a channel there
   * @returns undefined when another process holds the port
   * @throws TrunklineError ERR_TRUNKLINE_BIND_FAILED
   */
  static hold<T>(meeting: Meeting, use: (reception: Reception) => T): Promise<Awaited<T> | undefined> {
    return HeldPort.#with(meeting, meeting.endpoint, ({ reception }) => use(reception));
  }

  /** Like `hold`, for the port where this process leads channels by appointment. */
  static async own<T>(meeting: Meeting, use: (reception: Reception, port: number) => T): Promise<Awaited<T>> {
    return (await HeldPort.#with(meeting, loopback(0), ({ reception, port }) => use(reception, port)))!;
  }

  static async #with<T>(meeting: Meeting, endpoint: Endpoint, use: (held: HeldPort) => T): Promise<Awaited<T> | undefined> {
    for (;;) {
      const held = await HeldPort.#get(meeting, endpoint);
      if (!held) return undefined;
      if (held.#closing) {
        await held.#closed; // the last channel was just given up: bind anew
        continue;
      }
      try {
        return await use(held);
      } finally {
        await held.#leaveUnused();
      }
    }
  }

  static async #get(meeting: Meeting, endpoint: Endpoint): Promise<HeldPort | undefined> {
    const { label } = meeting.credentials;
    const clusterPort = meeting.endpoint.port;
    // The channels and the secret of a cluster port mean nothing at another cluster port.
    const name = endpoint.port === 0 ? `own ${clusterPort} ${label}` : String(clusterPort);
    const ports = portsOf.of(meeting.scope);
    let binding = ports.get(name);
    if (!binding) {
      binding = HeldPort.#bind(meeting, endpoint);
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
    if (held && held.#label !== label) {
      const message = `cluster port ${formatEndpoint(endpoint)}: this process already holds it with another secret; give all its clients the same auth and secret`;
      throw new TrunklineError('ERR_TRUNKLINE_OPTION_INVALID', message, { port: endpoint.port, option: 'secret' });
    }
    return held;
  }

  /** An exclusive bind: also inside node:cluster workers, where `listen` would otherwise be shared. */
  static #bind(meeting: Meeting, endpoint: Endpoint): Promise<HeldPort | undefined> {
    return new Promise((resolve, reject) => {
      const server = net.createServer({ noDelay: true });
      Object.defineProperty(server, OWN_SERVER, { value: true });
      meeting.scope?.onServer(server);
      // Needed also after the bind: a failed accept (too many open files) is an error event and must not end the process.
      server.on('error', (error: NodeJS.ErrnoException) => {
        if (error.code === 'EADDRINUSE') {
          seenTakenOf.of(meeting.scope).add(endpoint.port);
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
        resolve(new HeldPort(server, meeting, endpoint.port !== 0));
      });
    });
  }

  /** Gives the port up when this process leads nothing here. */
  async #leaveUnused(): Promise<void> {
    if (!this.reception.isEmpty || this.#closing) return;
    this.#closing = true;
    this.reception.close();
    // The listening socket is closed within this call: a process that loses a connection from here on can bind the port.
    this.#server.close();
    // What belongs to a channel closes the channel's connections itself and may still flush them; only others are left then.
    soon(() => {
      for (const socket of this.#sockets) if (!socket.writableEnded) socket.destroy();
    });
    await this.#closed;
  }
}
