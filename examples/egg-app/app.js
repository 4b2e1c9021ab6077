// Workers follow: the same statement as in the agent, without a connection to the price feed.
'use strict';

const PriceClient = require('./app/lib/price-client');

module.exports = (app) => {
  app.prices = app.cluster(PriceClient).create();
  app.latest = {};
  app.beforeStart(async () => {
    await app.prices.ready();
    app.prices.subscribe({ item: 'tea' }, (value) => {
      app.latest.tea = value;
    });
  });
};
