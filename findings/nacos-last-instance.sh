#!/usr/bin/env bash
# The nacos client keeps the last instance of a service for ever: an empty list from the server is not believed.
#
# A good engineer would guess that subscribers are called with an empty list when the last instance is gone, or that at least a
# query past the cache (`subscribe = false`) returns what the server says. Seen with nacos 2.6.3: both give the instance that was
# there before. The Java client has such a protection too, but as an option that is off by default.
#
# Why it matters: a process that shares this client with others hands an address on to all of them that nobody listens at. A
# service that is empty from the start gives an empty list, so a process that starts later sees another world than the others.
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

const instance = (ip) => ({ ip, port: 80, weight: 1, healthy: true, enabled: true, ephemeral: true, clusterName: 'DEFAULT' });
let hosts = [];
let polls = 0;
/** Answers a query for instances as the HTTP interface of Nacos does. */
function answer(request, response) {
  const { searchParams } = new URL(request.url, 'http://localhost');
  const [name, clusters] = [searchParams.get('serviceName'), searchParams.get('clusters')];
  polls++;
  response.end(JSON.stringify({ name, clusters, cacheMillis: 100, hosts, lastRefTime: Date.now(), checksum: '', valid: true }));
}

async function until(condition) {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
}

async function main() {
  const server = http.createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const logger = { debug() {}, info() {}, warn() {}, error() {} };
  const client = new NacosNamingClient({ logger, serverList: `127.0.0.1:${server.address().port}`, namespace: 'public' });
  await client.ready();

  let told;
  client.subscribe('service', (list) => (told = list.map(({ ip }) => ip)));
  for (const ips of [['10.0.0.1', '10.0.0.2'], ['10.0.0.1'], []]) {
    hosts = ips.map(instance);
    const before = polls;
    await until(() => polls >= before + 3); // The first of these may have been answered before the change.
    const queried = (await client.getAllInstances('service', 'DEFAULT_GROUP', '', false)).map(({ ip }) => ip);
    const [server, subscriber, query] = [ips, told, queried].map((list) => list.join(', ') || 'none');
    console.log(`server has ${server}: subscriber ${subscriber}; direct query ${query}`);
  }
  process.exit();
}
void main();
JS
seen=$(timeout 60 node main.js)
echo "Node.js $(node --version), nacos 2.6.3"
echo "$seen"
[ "$seen" = 'server has 10.0.0.1, 10.0.0.2: subscriber 10.0.0.1, 10.0.0.2; direct query 10.0.0.1, 10.0.0.2
server has 10.0.0.1: subscriber 10.0.0.1; direct query 10.0.0.1
server has none: subscriber 10.0.0.1; direct query 10.0.0.1' ] || { echo "changed"; exit 1; }
echo "as described"
