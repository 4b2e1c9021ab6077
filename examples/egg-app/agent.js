// The agent leads, and holds the only PriceClient of the host.
'use strict';

const PriceClient = require('./app/lib/price-client');

module.exports = (agent) => {
  agent.prices = agent.cluster(PriceClient).create();
  agent.beforeStart(() => agent.prices.ready());
  agent.messenger.on('price', ({ item, price }) => agent.prices.publish({ item, price }));
};
