// Owns the public port, and gives each connection to the worker that belongs to the client's address. While no worker
// is ready, connections wait.

import net, { type AddressInfo } from 'node:net';
import { rarely, type Logger } from '../../logger';
import { systemClock, type Clock, type Timer } from '../../time';
import { chooseWorker, clientAddress } from './sticky-choice';

/** How many connections may wait for a worker. */
const MAX_WAITING = 1024;
/** How long a connection may wait for a worker, ms. */
const MAX_WAIT_MS = 10_000;
/** A worker that had no descriptors left does not say when that is over: one of the connections that wait is offered again after this time, ms. */
const OFFER_MS = 250;
/** A client whose header is wanted but does not come is identified by the socket address after this time, ms. */
const HEAD_MS = 5_000;

export interface StickyWorker {
  /** Stable: a new worker in the same slot has the same name, and therefore the same clients. */
  readonly name: string;
  /**
   * @param head what has been read of the connection
   * @returns true when the worker has confirmed to have taken the connection; false when the worker did not and will not
   */
  hand(connection: net.Socket, head: Buffer | undefined): Promise<boolean>;
}

export interface StickyListenerOptions {
  readonly port: number;
  readonly host?: string | undefined;
  /** The header in which a proxy tells the client's address. Without this option the address of the connection counts. */
  readonly header?: string | undefined;
  /** The workers that are ready. */
  readonly workers: () => readonly StickyWorker[];
  readonly logger: Logger;
  readonly clock?: Clock;
}

interface Connection {
  readonly socket: net.Socket;
  readonly address: string;
  readonly head: Buffer | undefined;
  /** When the wait ends; set the first time that the connection has to wait. */
  waitsUntil?: number;
}

export class StickyListener {
  readonly #options: StickyListenerOptions;
  readonly #header: string | undefined;
  readonly #clock: Clock;
  readonly #server: net.Server;
  /** Connections that have no worker yet. */
  readonly #waiting = new Map<Connection, Timer>();
  #offering: Timer | undefined;
  /** The header of these is being read. */
  readonly #reading = new Set<net.Socket>();
  #changes = 0;
  #dropped = 0;
  #hasWarned = false;
  #isClosed = false;

  constructor(options: StickyListenerOptions) {
    this.#options = options;
    this.#header = options.header?.toLowerCase();
    this.#clock = options.clock ?? systemClock;
    // A client may end the sending side before being answered. highWaterMark: see `stopReading`.
    this.#server = net.createServer({ pauseOnConnect: true, allowHalfOpen: true, highWaterMark: 1 });
    this.#server.on('connection', (socket: net.Socket) => this.#onConnection(socket));
  }

  /** How many connections wait for a worker. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** How many connections were closed because no worker was ready. */
  get dropped(): number {
    return this.#dropped;
  }

  /** The listening address; undefined before and after. */
  get address(): AddressInfo | undefined {
    return (this.#server.address() as AddressInfo | null) ?? undefined;
  }

  /** Rejects with the system's error when the port cannot be bound. */
  listen(): Promise<AddressInfo> {
    const { port, host, logger } = this.#options;
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ port, ...(host !== undefined && { host }), exclusive: true }, () => {
        this.#server.removeListener('error', reject);
        const tell = rarely((message) => logger.error(message), this.#clock);
        this.#server.on('error', (error) => tell(`sticky: cannot accept a connection: ${error.message}`));
        resolve(this.#server.address() as AddressInfo);
      });
    });
  }

  /** The set of ready workers has changed: waiting connections may have a worker now. */
  onWorkersChanged(): void {
    this.#changes++;
    if (this.#options.workers().length === 0) return;
    this.#hasWarned = false;
    this.#giveAll();
  }

  /** Accepts nothing more. Waiting connections are closed; connections on the way to a worker arrive. Idempotent. */
  close(): Promise<void> {
    if (this.#isClosed) return Promise.resolve();
    this.#isClosed = true;
    this.#server.close(); // the port is free at once
    this.#clock.clearTimeout(this.#offering);
    for (const socket of this.#reading) socket.destroy();
    for (const connection of this.#waiting.keys()) this.#abandon(connection);
    return Promise.resolve();
  }

  #onConnection(socket: net.Socket): void {
    socket.on('error', () => socket.destroy());
    const address = socket.remoteAddress;
    if (address === undefined || this.#isClosed)
      socket.destroy(); // the client has gone already
    else if (this.#header === undefined) void this.#give({ socket, address, head: undefined });
    else this.#readHead(socket, address, this.#header);
  }

  #readHead(socket: net.Socket, socketAddress: string, header: string): void {
    let head: Buffer = Buffer.alloc(0);
    const go = (address: string): void => {
      forget();
      stopReading(socket, head);
      void this.#give({ socket, address, head: head.length > 0 ? head : undefined });
    };
    const onData = (chunk: Buffer): void => {
      head = Buffer.concat([head, chunk]);
      const address = clientAddress(head, header, socketAddress);
      if (address !== undefined) go(address);
    };
    const onEnd = (): void => go(socketAddress);
    const forget = (): void => {
      this.#clock.clearTimeout(limit);
      this.#reading.delete(socket);
      socket.removeListener('data', onData).removeListener('end', onEnd).removeListener('close', forget);
    };
    const limit = this.#clock.setTimeout(onEnd, HEAD_MS);
    limit.unref();
    this.#reading.add(socket);
    socket.on('data', onData).on('end', onEnd).on('close', forget).resume();
  }

  /**
   * Gives the connection to the worker of the address, or to the next worker when the first could not take the connection;
   * otherwise the connection waits.
   * @returns whether a worker has taken the connection
   */
  async #give(connection: Connection): Promise<boolean> {
    const { socket, address, head } = connection;
    let tried = new Set<string>();
    let changes = this.#changes;
    while (!socket.destroyed) {
      if (changes !== this.#changes) {
        tried = new Set(); // another worker may have the same name
        changes = this.#changes;
      }
      const workers = this.#options.workers().filter(({ name }) => !tried.has(name));
      const chosen = chooseWorker(
        address,
        workers.map(({ name }) => name),
      );
      if (chosen === undefined) {
        this.#wait(connection);
        return false;
      }
      tried.add(chosen);
      if (await workers.find(({ name }) => name === chosen)!.hand(socket, head)) return true;
    }
    return false;
  }

  #giveAll(): void {
    for (const connection of [...this.#waiting.keys()]) void this.#giveAgain(connection);
  }

  #giveAgain(connection: Connection): Promise<boolean> {
    this.#clock.clearTimeout(this.#waiting.get(connection));
    this.#waiting.delete(connection);
    return this.#give(connection);
  }

  /** Offers a single connection, because workers without descriptors take a second to refuse; the other connections follow if it is taken. */
  #offerLater(): void {
    if (this.#offering || this.#isClosed || this.#options.workers().length === 0) return; // a change of the workers is told
    this.#offering = this.#clock.setTimeout(() => {
      const [first] = this.#waiting.keys();
      const offered = first ? this.#giveAgain(first) : Promise.resolve(true);
      void offered.then((isTaken) => {
        this.#offering = undefined;
        if (isTaken) this.#giveAll();
        else if (this.#waiting.size > 0) this.#offerLater();
      });
    }, OFFER_MS);
    this.#offering.unref();
  }

  #wait(connection: Connection): void {
    if (this.#isClosed) this.#abandon(connection);
    else if (this.#waiting.size >= MAX_WAITING) this.#drop(connection);
    else {
      const now = this.#clock.now();
      connection.waitsUntil ??= now + MAX_WAIT_MS;
      const limit = this.#clock.setTimeout(() => this.#drop(connection), connection.waitsUntil - now);
      limit.unref();
      this.#waiting.set(connection, limit);
      this.#offerLater();
    }
  }

  #drop(connection: Connection): void {
    this.#abandon(connection);
    this.#dropped++;
    if (this.#hasWarned) return;
    this.#hasWarned = true;
    this.#options.logger.warn(`sticky: connections are closed because no worker is ready, waiting=${this.#waiting.size}`);
  }

  #abandon(connection: Connection): void {
    this.#clock.clearTimeout(this.#waiting.get(connection));
    this.#waiting.delete(connection);
    connection.socket.destroy();
  }
}

interface Readable {
  readonly _handle?: { reading: boolean; readStop(): unknown } | null;
}

/**
 * From here on not a single byte is taken from the socket: the byte would be missing in the worker. To pause a stream is not
 * enough, because a stream reads on until full; the stream is therefore filled, by giving back what was read, and the handle is
 * stopped.
 */
function stopReading(socket: net.Socket, head: Buffer): void {
  socket.pause();
  if (head.length > 0 && !socket.readableEnded) socket.unshift(head);
  const { _handle: handle } = socket as Readable;
  if (!handle) return;
  handle.reading = false;
  handle.readStop();
}
