// The code under test: business logic over a shared client. The class of the upstream client and the options come in
// from outside, which is all that a test needs.

import cluster, { type ClientOptions, type SharedClientOf } from 'trunkline';
import { PriceFeed } from './price-feed';

export type SharedPriceFeed = SharedClientOf<typeof PriceFeed>;

export function sharePriceFeed(Feed = PriceFeed, options?: ClientOptions): SharedPriceFeed {
  return cluster(Feed, options).create({ host: 'prices.example', port: 4000 });
}

export class PriceService {
  readonly #feed: SharedPriceFeed;
  readonly #cents = new Map<string, number>();

  constructor(feed: SharedPriceFeed) {
    this.#feed = feed;
  }

  /** Keeps the price of a symbol up to date from now on. */
  follow(symbol: string): void {
    this.#feed.subscribe({ symbol }, ({ cents }) => this.#cents.set(symbol, cents));
  }

  /** Undefined as long as no price has come in. */
  priceOf(symbol: string): number | undefined {
    return this.#cents.get(symbol);
  }

  /** The server's quote; if the server cannot give a quote, the last known price times the number of pieces. */
  async quote(symbol: string, pieces: number): Promise<number> {
    try {
      return await this.#feed.quote(symbol, pieces);
    } catch (error) {
      const cents = this.#cents.get(symbol);
      if (cents === undefined) throw error;
      return cents * pieces;
    }
  }
}
