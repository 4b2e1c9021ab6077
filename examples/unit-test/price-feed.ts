// The upstream client of the application: a connection to a server of prices, which speaks lines of JSON.

import net from 'node:net';
import { createInterface } from 'node:readline';
import { Base } from 'sdk-base';

export interface Price {
  readonly symbol: string;
  readonly cents: number;
}

export type PriceListener = (price: Price) => void;

type Line = Price | { readonly id: number; readonly cents: number };

export class PriceFeed extends Base {
  readonly #listeners = new Map<string, PriceListener>();
  readonly #quotes = new Map<number, (cents: number) => void>();
  readonly #socket: net.Socket;
  #lastId = 0;

  constructor({ host, port }: { host: string; port: number }) {
    super();
    this.#socket = net.connect({ host, port });
    this.#socket.once('connect', () => this.ready(true));
    this.#socket.once('error', (error) => this.ready(error));
    this.#socket.once('close', () => this.emit('close')); // trunkline makes a new instance
    createInterface({ input: this.#socket }).on('line', (line) => this.#onLine(JSON.parse(line) as Line));
  }

  subscribe({ symbol }: { symbol: string }, listener: PriceListener): void {
    this.#listeners.set(symbol, listener);
    this.#socket.write(`watch ${symbol}\n`);
  }

  unSubscribe({ symbol }: { symbol: string }): void {
    this.#listeners.delete(symbol);
    this.#socket.write(`unwatch ${symbol}\n`);
  }

  /** Asks the server for a price for a number of pieces. */
  async quote(symbol: string, pieces: number): Promise<number> {
    const id = ++this.#lastId;
    this.#socket.write(`quote ${id} ${symbol} ${pieces}\n`);
    return new Promise((resolve) => this.#quotes.set(id, resolve));
  }

  override async close(): Promise<void> {
    this.#socket.destroy();
    await super.close();
  }

  #onLine(line: Line): void {
    if ('symbol' in line) this.#listeners.get(line.symbol)?.(line);
    else this.#quotes.get(line.id)?.(line.cents);
  }
}
