#!/usr/bin/env bash
# eureka-js-client never registers and never fetches a list if the server was away when it was started.
#
# A good engineer would guess that a client that sends heartbeats and asks for lists in intervals goes on trying, as the Java client
# does. Seen with eureka-js-client 4.5.0: after the retries of `start()` neither interval is begun. The server can be back a
# moment later; nothing is sent any more. The callback of `start()` gets the error, and no event tells it.
#
# Why it matters: a host that boots together with its registry stays invisible until somebody restarts it. Call `start()` again from its
# callback until there is no error.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error eureka-js-client@4.5.0

cat >main.js <<'JS'
const { once } = require('node:events');
const http = require('node:http');
const net = require('node:net');
const { Eureka } = require('eureka-js-client');

const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function main() {
  const free = net.createServer().listen(0, '127.0.0.1');
  await once(free, 'listening');
  const { port } = free.address();
  free.close();
  await once(free, 'close');

  const client = () =>
    new Eureka({
      logger: { debug() {}, info() {}, warn() {}, error() {} },
      eureka: { host: '127.0.0.1', port, heartbeatInterval: 50, registryFetchInterval: 50, maxRetries: 1, requestRetryDelay: 10 },
      instance: {
        app: 'shop',
        hostName: 'localhost',
        instanceId: 'localhost:80',
        vipAddress: 'shop',
        port: { $: 80, '@enabled': 'true' },
        dataCenterInfo: { '@class': 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo', name: 'MyOwn' },
      },
    });
  const early = client();
  const error = await new Promise((resolve) => early.start(resolve));
  console.log(`server away: start ends with ${error.code}`);

  let requests = 0;
  const server = http.createServer((request, response) => {
    requests++;
    const isWrite = request.method !== 'GET';
    response.writeHead(isWrite ? 204 : 200).end(isWrite ? '' : JSON.stringify({ applications: { application: [] } }));
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  await wait(2_000);
  console.log(`server back for 2 s, intervals of 50 ms: ${requests} requests`);
  client().start();
  await wait(500);
  console.log(`a client that is started now: ${requests > 5 ? 'many' : 'few'} requests in 0.5 s`);
  process.exit();
}
void main();
JS
seen=$(NODE_NO_WARNINGS=1 timeout 30 node main.js)
echo "Node.js $(node --version), eureka-js-client 4.5.0"
echo "$seen"
[ "$seen" = 'server away: start ends with ECONNREFUSED
server back for 2 s, intervals of 50 ms: 0 requests
a client that is started now: many requests in 0.5 s' ] || { echo "changed"; exit 1; }
echo "as described"
