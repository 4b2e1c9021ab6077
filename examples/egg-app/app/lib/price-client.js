// The upstream client: the only connection of the host to a price feed. Written for cluster-client, and unchanged.
'use strict';

const Base = require('sdk-base').Base;

module.exports = class PriceClient extends Base {
  constructor() {
    super();
    this.prices = new Map();
    this.ready(true);
  }

  subscribe({ item }, listener) {
    this.on(item, listener);
    if (this.prices.has(item)) listener(this.prices.get(item));
  }

  publish({ item, price }) {
    const value = { price, holder: process.pid };
    this.prices.set(item, value);
    this.emit(item, value);
  }
};
