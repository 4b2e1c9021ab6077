// A TCP proxy with faults, between a client and the server at a port of this host. Faults apply to all connections, present and
// later.

import net from 'node:net';
import { TrunklineError } from '../errors';
import { Faults, FaultyPair, type Direction } from './faulty-pair';
import { notClosed } from './leak-check';

export type { Direction };

export class FaultProxy {
  readonly #server: net.Server;
  readonly #targetPort: number;
  readonly #pairs = new Set<FaultyPair>();
  /** Accepted, but not led on. */
  readonly #held = new Set<net.Socket>();
  readonly #faults = new Faults();
  /** New connections are accepted and then left alone. */
  holdsNew = false;
  /** New connections are ended at once. */
  refusesNew = false;
  /** How many connections were accepted. */
  accepted = 0;
  readonly #forget: () => void;

  private constructor(server: net.Server, targetPort: number) {
    this.#server = server;
    this.#targetPort = targetPort;
    server.on('connection', (client) => {
      this.accepted++;
      client.on('error', () => undefined);
      if (this.refusesNew) client.destroy();
      else if (this.holdsNew) {
        this.#held.add(client);
        client.resume();
        client.on('close', () => this.#held.delete(client));
      } else this.#lead(client);
    });
    this.#forget = notClosed(`a fault proxy on port ${this.port}`);
  }

  /** @param targetPort the port of 127.0.0.1 where the server listens, now or later */
  static async start(targetPort: number): Promise<FaultProxy> {
    const server = net.createServer({ noDelay: true });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new FaultProxy(server, targetPort);
  }

  /** The port of 127.0.0.1 where clients connect. */
  get port(): number {
    return (this.#server.address() as net.AddressInfo).port;
  }

  /** How many connections are led on now. */
  get connections(): number {
    return this.#pairs.size;
  }

  /** How long each chunk waits, ms. */
  get delayMs(): number {
    return this.#faults.delayMs;
  }

  set delayMs(ms: number) {
    this.#faults.delayMs = ms;
  }

  /** Whether every byte travels alone. */
  get drips(): boolean {
    return this.#faults.drips;
  }

  set drips(drips: boolean) {
    this.#faults.drips = drips;
  }

  /** Holds the bytes of a direction back until `resume`. */
  pause(direction: Direction): void {
    this.#faults.paused.add(direction);
  }

  resume(direction: Direction): void {
    this.#faults.paused.delete(direction);
    for (const pair of this.#pairs) pair.forward(direction);
  }

  /** A silent drop. Both sides believe to be connected, and no byte or end of either side reaches the other. */
  swallow(): void {
    this.#faults.swallows = true;
  }

  /** New connections work again; connections from the time of swallowing stay dead. */
  stopSwallowing(): void {
    this.#faults.swallows = false;
    this.cut();
  }

  /** Ends all connections in an orderly way. */
  cut(): void {
    for (const pair of [...this.#pairs]) pair.drop('destroy');
  }

  /** Ends all connections with a reset to both sides. */
  reset(): void {
    for (const pair of [...this.#pairs]) pair.drop('resetAndDestroy');
  }

  /** Passes the first bytes of the next chunk on, then resets: the receiver is left in the middle of a frame. */
  resetWithin(direction: Direction, bytes: number): void {
    for (const pair of [...this.#pairs]) pair.resetWithin(direction, bytes);
  }

  /** Ends all connections, and stops listening. Idempotent. */
  async close(): Promise<void> {
    this.#forget();
    this.cut();
    for (const client of this.#held) client.destroy();
    if (this.#server.listening) await new Promise((resolve) => this.#server.close(resolve));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #lead(client: net.Socket): void {
    const target = net.connect({ host: '127.0.0.1', port: this.#targetPort, noDelay: true });
    const pair: FaultyPair = new FaultyPair(client, target, this.#faults, () => this.#pairs.delete(pair));
    this.#pairs.add(pair);
  }
}

/**
 * Starts a proxy between a client and a server on this host.
 * @param targetPort the port of 127.0.0.1 where the server listens, now or later
 * @throws (rejects) TrunklineError ERR_TRUNKLINE_OPTION_INVALID when that is no port
 */
export async function faultProxy(targetPort: number): Promise<FaultProxy> {
  if (Number.isInteger(targetPort) && targetPort > 0 && targetPort < 65_536) return FaultProxy.start(targetPort);
  const message = `faultProxy(targetPort): targetPort must be a whole number from 1 to 65535, but is ${String(targetPort)}`;
  throw new TrunklineError('ERR_TRUNKLINE_OPTION_INVALID', message, { option: 'targetPort' });
}
