// The upstream client of the real application, which would hold a connection to a server of prices.

import { type Base } from 'sdk-base';

export interface Price {
  readonly symbol: string;
  readonly cents: number;
}

export type PriceListener = (price: Price) => void;

/** What a price feed can do; the fake of the test implements the same interface. */
export interface PriceFeed extends Base {
  subscribe(topic: { symbol: string }, listener: PriceListener): void;
  unSubscribe(topic: { symbol: string }, listener?: PriceListener): void;
  /** Asks the server for a price for a number of pieces. */
  quote(symbol: string, pieces: number): Promise<number>;
}

export type PriceFeedClass = new (options: { url: string }) => PriceFeed;
