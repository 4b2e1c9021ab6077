#!/usr/bin/env bash
# A list of servers in the environment file of eureka-js-client does not replace the one in the default file: the longer list's tail stays.
#
# A good engineer would guess that a setting of `eureka-client-production.yml` takes the place of the same setting in
# `eureka-client.yml`. Seen with eureka-js-client 4.5.0: lists are merged by position, so two servers for development and one for
# production make the list of the one for production and the second one for development.
#
# Why it matters: when the production server fails for a moment, the instance is registered at the development server, and asks
# it for lists from then on. Repeat as many entries as the default file has.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error eureka-js-client@4.5.0

cat >main.js <<'JS'
const { once } = require('node:events');
const { writeFileSync } = require('node:fs');
const http = require('node:http');
const { Eureka } = require('eureka-js-client');

async function server(name, status) {
  const listening = http.createServer((request, response) => {
    console.log(`${request.method} at ${name}: ${status}`);
    response.writeHead(status).end();
  });
  listening.listen(0, '127.0.0.1');
  await once(listening, 'listening');
  return `http://127.0.0.1:${listening.address().port}/eureka/apps/`;
}

async function main() {
  const [first, second, production] = [await server('development 1', 204), await server('development 2', 204), await server('production', 503)];
  const file = (urls) => `eureka:\n  serviceUrls:\n    default:\n${urls.map((url) => `      - ${url}\n`).join('')}`;
  writeFileSync('eureka-client.yml', file([first, second]));
  writeFileSync('eureka-client-production.yml', file([production]));
  process.env.EUREKA_ENV = 'production';
  const client = new Eureka({
    logger: { debug() {}, info() {}, warn() {}, error() {} },
    eureka: { fetchRegistry: false, requestRetryDelay: 10, availabilityZones: { 'us-east-1': ['default'] } },
    instance: {
      app: 'shop',
      hostName: 'localhost',
      vipAddress: 'shop',
      port: { $: 80, '@enabled': 'true' },
      dataCenterInfo: { '@class': 'com.netflix.appinfo.InstanceInfo$DefaultDataCenterInfo', name: 'MyOwn' },
    },
  });
  const names = { [first]: 'development 1', [second]: 'development 2', [production]: 'production' };
  console.log(`servers: ${client.config.eureka.serviceUrls.default.map((url) => names[url]).join(', ')}`);
  client.start();
  await once(client, 'registered');
  process.exit();
}
void main();
JS
seen=$(NODE_NO_WARNINGS=1 timeout 30 node main.js)
echo "Node.js $(node --version), eureka-js-client 4.5.0"
echo "$seen"
[ "$seen" = 'servers: production, development 2
POST at production: 503
POST at development 2: 204' ] || { echo "changed"; exit 1; }
echo "as described"
