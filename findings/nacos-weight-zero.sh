#!/usr/bin/env bash
# The nacos client registers an instance of weight 0, which is to get no requests, with weight 1.
#
# A good engineer would guess that the weight is sent as it was given: the range of Nacos begins at 0, and this client itself
# leaves instances of weight 0 out in `selectInstances`. Seen with nacos 2.6.3: 0 counts as not given and becomes 1, in the
# registration and in the heartbeat. Fractions such as 0.01 are kept.
#
# Why it matters: weight 0 is how an instance is registered that warms up or waits as a reserve. It gets its full share instead.
# Use `enabled: false` to keep requests away.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error nacos@2.6.3

cat >main.js <<'JS'
const { once } = require('node:events');
const http = require('node:http');
const { NacosNamingClient } = require('nacos');

async function main() {
  const server = http.createServer((request, response) => {
    const { searchParams } = new URL(request.url, 'http://localhost');
    if (request.method === 'POST') console.log(`registered with weight ${searchParams.get('weight')}`);
    response.end('ok');
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const logger = { debug() {}, info() {}, warn() {}, error() {} };
  const client = new NacosNamingClient({ logger, serverList: `127.0.0.1:${server.address().port}`, namespace: 'public' });
  await client.ready();
  for (const weight of [0, 0.01, 5]) {
    process.stdout.write(`weight ${weight}: `);
    await client.registerInstance('service', { ip: '10.0.0.1', port: 80, weight, ephemeral: false });
  }
  process.exit();
}
void main();
JS
seen=$(timeout 60 node main.js)
echo "Node.js $(node --version), nacos 2.6.3"
echo "$seen"
[ "$seen" = 'weight 0: registered with weight 1
weight 0.01: registered with weight 0.01
weight 5: registered with weight 5' ] || { echo "changed"; exit 1; }
echo "as described"
