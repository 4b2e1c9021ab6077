// The upstream client: the only connection of the host to a price feed.

import { Base } from 'sdk-base';

export interface PriceTag {
  readonly item: string;
  readonly price: number;
}

export interface Price {
  readonly price: number;
  /** The process that holds the connection. */
  readonly holder: number;
}

type Listener = (price: Price) => void;

/** What agent and workers have of the shared client. */
export interface Prices {
  ready(): Promise<void>;
  subscribe(registration: { readonly item: string }, listener: Listener): void;
  publish(tag: PriceTag): void;
}

export class PriceClient extends Base {
  readonly #prices = new Map<string, Price>();

  constructor() {
    super({});
    this.ready(true);
  }

  subscribe({ item }: { readonly item: string }, listener: Listener): void {
    this.on(item, listener);
    const price = this.#prices.get(item);
    if (price) listener(price);
  }

  publish({ item, price }: PriceTag): void {
    const value = { price, holder: process.pid };
    this.#prices.set(item, value);
    this.emit(item, value);
  }
}
