// Workers follow: the same statement as in the agent, without a connection to the price feed.

import type { Application } from 'egg';
import { PriceClient, type Price, type Prices } from './app/lib/price-client.js';

declare module 'egg' {
  interface Application {
    prices: Prices;
    tea: Price | undefined;
  }
}

export default class AppBoot {
  readonly #app: Application;

  constructor(app: Application) {
    this.#app = app;
  }

  async willReady(): Promise<void> {
    const app = this.#app;
    app.prices = app.cluster(PriceClient).create() as Prices;
    await app.prices.ready();
    app.prices.subscribe({ item: 'tea' }, (price) => {
      app.tea = price;
    });
  }
}
