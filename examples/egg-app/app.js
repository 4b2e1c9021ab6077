// Workers follow: the same line, no connection of their own.
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
