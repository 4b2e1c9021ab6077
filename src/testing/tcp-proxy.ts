// A TCP proxy with faults, between a follower and the leader: real sockets show what the operating system does. Faults apply to
// all connections, present and later.

import net from 'node:net';

export type Direction = 'toTarget' | 'toClient';

interface Lane {
  /** Bytes that wait for a turn. */
  readonly queue: Buffer[];
  timer: NodeJS.Timeout | undefined;
}

interface Pair {
  readonly client: net.Socket;
  readonly target: net.Socket;
  readonly lanes: Record<Direction, Lane>;
}

export class TcpProxy {
  readonly #server: net.Server;
  readonly #targetPort: number;
  readonly #pairs = new Set<Pair>();
  /** Accepted, but not led on. */
  readonly #held = new Set<net.Socket>();
  readonly #paused = new Set<Direction>();
  #swallows = false;
  /** How long each chunk waits, ms. */
  delayMs = 0;
  /** Every byte travels alone. */
  drips = false;
  /** New connections are accepted and then left alone. */
  holdsNew = false;
  /** How many connections were accepted. */
  accepted = 0;

  private constructor(server: net.Server, targetPort: number) {
    this.#server = server;
    this.#targetPort = targetPort;
    server.on('connection', (client) => {
      this.accepted++;
      client.on('error', () => undefined);
      if (this.holdsNew) {
        this.#held.add(client);
        client.resume();
        client.on('close', () => this.#held.delete(client));
      } else this.#lead(client);
    });
  }

  static async start(targetPort: number): Promise<TcpProxy> {
    const server = net.createServer({ noDelay: true });
    const proxy = new TcpProxy(server, targetPort);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return proxy;
  }

  get port(): number {
    return (this.#server.address() as net.AddressInfo).port;
  }

  get connections(): number {
    return this.#pairs.size;
  }

  /** Holds the bytes of a direction back until `resume`. */
  pause(direction: Direction): void {
    this.#paused.add(direction);
  }

  resume(direction: Direction): void {
    this.#paused.delete(direction);
    for (const pair of this.#pairs) this.#forward(pair, direction);
  }

  /** Half-open: both sides believe to be connected, and no byte or end of either side reaches the other. */
  swallow(): void {
    this.#swallows = true;
  }

  /** New connections work again; connections from the time of swallowing stay dead. */
  stopSwallowing(): void {
    this.#swallows = false;
    for (const pair of [...this.#pairs]) this.#drop(pair, 'destroy');
  }

  /** Ends all connections in an orderly way. */
  cut(): void {
    for (const pair of [...this.#pairs]) this.#drop(pair, 'destroy');
  }

  /** Ends all connections with a reset to both sides. */
  reset(): void {
    for (const pair of [...this.#pairs]) this.#drop(pair, 'resetAndDestroy');
  }

  /** Passes the first bytes of the next chunk on, then resets: the receiver is left in the middle of a frame. */
  resetWithin(direction: Direction, bytes: number): void {
    for (const pair of [...this.#pairs]) {
      const [from, to] = this.#ends(pair, direction);
      from.removeAllListeners('data');
      from.once('data', (chunk: Buffer) => {
        to.write(chunk.subarray(0, bytes), () => {
          this.#drop(pair, 'resetAndDestroy');
        });
      });
    }
  }

  async close(): Promise<void> {
    this.cut();
    for (const client of this.#held) client.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #lead(client: net.Socket): void {
    const target = net.connect({ host: '127.0.0.1', port: this.#targetPort, noDelay: true });
    const lane = (): Lane => ({ queue: [], timer: undefined });
    const pair: Pair = { client, target, lanes: { toTarget: lane(), toClient: lane() } };
    this.#pairs.add(pair);
    target.on('error', () => undefined);
    for (const direction of ['toTarget', 'toClient'] as const) {
      const [from] = this.#ends(pair, direction);
      from.on('data', (chunk: Buffer) => {
        if (this.#swallows) return;
        pair.lanes[direction].queue.push(...(this.drips ? [...chunk].map((byte) => Buffer.of(byte)) : [chunk]));
        this.#forward(pair, direction);
      });
      from.on('close', () => {
        if (!this.#swallows) this.#drop(pair, 'destroy');
      });
    }
  }

  #forward(pair: Pair, direction: Direction): void {
    const lane = pair.lanes[direction];
    if (lane.timer || lane.queue.length === 0 || this.#paused.has(direction) || this.#swallows) return;
    const [, to] = this.#ends(pair, direction);
    if (this.delayMs === 0 && !this.drips) {
      for (const chunk of lane.queue.splice(0)) to.write(chunk);
      return;
    }
    const pass = (): void => {
      lane.timer = undefined;
      const chunk = lane.queue.shift();
      if (chunk) to.write(chunk);
      this.#forward(pair, direction);
    };
    lane.timer = setTimeout(pass, this.delayMs);
  }

  #ends({ client, target }: Pair, direction: Direction): [from: net.Socket, to: net.Socket] {
    return direction === 'toTarget' ? [client, target] : [target, client];
  }

  #drop(pair: Pair, how: 'destroy' | 'resetAndDestroy'): void {
    this.#pairs.delete(pair);
    for (const lane of Object.values(pair.lanes)) clearTimeout(lane.timer);
    for (const socket of [pair.client, pair.target]) {
      // A reset needs a connection.
      if (how === 'resetAndDestroy' && !socket.connecting) socket.resetAndDestroy();
      else socket.destroy();
    }
  }
}
