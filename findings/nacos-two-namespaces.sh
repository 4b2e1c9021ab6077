#!/usr/bin/env bash
# The second NacosConfigClient of a process reads and writes the namespace of the first.
#
# A good engineer would guess that two clients with different options are independent. Seen with nacos 2.6.3: the client shares what
# it does through cluster-client, under a name made of the option `endpoint` alone. With `serverAddr` every client has the
# name `DiamondClient@undefined`, so the second one follows the first, in one process too, whatever its namespace and server are.
#
# Why it matters: an application that reads a common namespace and one of its own gets the same values from both, and what it publishes
# to the second is written to the first, without an error. Different values of `clusterOptions.name` of a subclass avoid it.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error nacos@2.6.3

cat >main.js <<'JS'
const { once } = require('node:events');
const http = require('node:http');
const net = require('node:net');
const { text } = require('node:stream/consumers');

/** Answers reads with the name of the namespace, as if each had one configuration with its name. */
async function answer(request, response) {
  const body = new URLSearchParams(await text(request));
  const { searchParams } = new URL(request.url, 'http://localhost');
  if (request.method === 'POST') console.log(`written to the namespace ${body.get('tenant')}: ${body.get('content')}`);
  response.end(request.method === 'POST' ? 'true' : searchParams.get('tenant'));
}

async function main() {
  const free = net.createServer().listen(0, '127.0.0.1');
  await once(free, 'listening');
  process.env.NODE_CLUSTER_CLIENT_PORT = String(free.address().port);
  free.close();
  await once(free, 'close');
  const { NacosConfigClient } = require('nacos');
  const server = http.createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const serverAddr = `127.0.0.1:${server.address().port}`;
  for (const namespace of ['common', 'own']) {
    const client = new NacosConfigClient({ serverAddr, namespace, cacheDir: __dirname });
    await client.ready();
    console.log(`client of ${namespace}: reads ${await client.getConfig('name', 'GROUP')}`);
    if (namespace === 'own') await client.publishSingle('name', 'GROUP', 'own');
  }
  process.exit();
}
void main();
JS
seen=$(timeout 60 node main.js 2>/dev/null)
echo "Node.js $(node --version), nacos 2.6.3"
echo "$seen"
[ "$seen" = 'client of common: reads common
client of own: reads common
written to the namespace common: own' ] || { echo "changed"; exit 1; }
echo "as described"
