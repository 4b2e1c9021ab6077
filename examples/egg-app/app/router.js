'use strict';

module.exports = (app) => {
  app.get('/', (ctx) => {
    ctx.body = { pid: process.pid, tea: app.latest.tea };
  });
  // Published by the worker that answers; reaches every worker over the leader.
  app.get('/publish/:price', (ctx) => {
    app.prices.publish({ item: 'tea', price: Number(ctx.params.price) });
    ctx.body = { pid: process.pid };
  });
  // Uses the messenger of egg instead: worker to agent.
  app.get('/tell/:price', (ctx) => {
    app.messenger.sendToAgent('price', { item: 'tea', price: Number(ctx.params.price) });
    ctx.body = { pid: process.pid };
  });
};
