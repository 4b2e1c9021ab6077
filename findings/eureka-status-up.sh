#!/usr/bin/env bash
# eureka-js-client registers every instance as UP, whatever `instance.status` says.
#
# A good engineer would guess that the configured status is sent, so that an instance can register as STARTING and become UP when
# it can serve, as Eureka's own clients do. Seen with eureka-js-client 4.5.0: each registration overwrites
# the status in the configuration with UP, the one after a heartbeat that is answered 404 too.
#
# Why it matters: a server that was restarted answers heartbeats with 404. An instance that was taken out of service before an
# upgrade by setting its status is then registered as UP and gets requests again.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error eureka-js-client@4.5.0

cat >main.js <<'JS'
const { once } = require('node:events');
const http = require('node:http');
const { text } = require('node:stream/consumers');
const { Eureka } = require('eureka-js-client');

async function main() {
  const statuses = [];
  const server = http.createServer(async (request, response) => {
    const body = await text(request);
    if (request.method === 'POST') statuses.push(JSON.parse(body).instance.status);
    response.writeHead({ POST: 204, PUT: 404, DELETE: 200 }[request.method]).end();
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = new Eureka({
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    eureka: { host: '127.0.0.1', port: server.address().port, fetchRegistry: false, heartbeatInterval: 50 },
    instance: {
      app: 'shop',
      hostName: 'localhost',
      instanceId: 'localhost:80',
      vipAddress: 'shop',
      status: 'STARTING',
      port: { $: 80, '@enabled': 'true' },
      dataCenterInfo: { '@class': 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo', name: 'MyOwn' },
    },
  });
  client.start();
  await once(client, 'registered');
  client.config.instance.status = 'OUT_OF_SERVICE';
  await once(client, 'registered');
  console.log(`configured STARTING: registered as ${statuses[0]}`);
  console.log(`set to OUT_OF_SERVICE, heartbeat answered 404: registered as ${statuses[1]}`);
  process.exit();
}
void main();
JS
seen=$(NODE_NO_WARNINGS=1 timeout 30 node main.js)
echo "Node.js $(node --version), eureka-js-client 4.5.0"
echo "$seen"
[ "$seen" = 'configured STARTING: registered as UP
set to OUT_OF_SERVICE, heartbeat answered 404: registered as UP' ] || { echo "changed"; exit 1; }
echo "as described"
