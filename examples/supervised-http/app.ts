// A worker: answers HTTP from what the agent gets from upstream. Without a supervisor this program would lead and work just the
// same.

import http from 'node:http';
import cluster from 'trunkline';
import { onStop } from 'trunkline/supervisor';
import { RatesClient, type Rate } from './rates-client';

const rates = cluster(RatesClient).create();
const latest = new Map<string, Rate>();
for (const currency of ['CHF', 'USD'] as const) {
  rates.subscribe({ currency }, (rate) => latest.set(rate.currency, rate));
}
onStop(() => rates.close());

const server = http.createServer((request, response) => {
  const rate = latest.get((request.url ?? '/').slice(1));
  response.writeHead(rate ? 200 : 404, { 'content-type': 'application/json' });
  response.end(`${JSON.stringify({ ...rate, answeredBy: process.pid })}\n`);
});
// A worker is ready when listening, and listens when there is something to say.
export default rates.ready().then(() => server.listen(Number(process.env.PORT ?? 8080), '127.0.0.1'));
