#!/usr/bin/env bash
# eureka-js-client with `shouldUseDelta` removes the wrong instance from the list by application, and shows instances that are down.
#
# A good engineer would guess that a delta leads to the same lists as the whole registry does. Seen with eureka-js-client 4.5.0:
# when the server reports that the last of three instances is deleted, the list by VIP address loses that one and the list by
# application loses the first one. A change is written over the first one likewise. An instance that goes DOWN is
# left out of a whole registry (`filterUpInstances`, on by default), but stays in both lists after a delta.
#
# Why it matters: a registry client that many processes share works on deltas to spare the server. The two lists of one client
# then disagree, and callers go to instances that are gone until a process starts anew.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error eureka-js-client@4.5.0

cat >main.js <<'JS'
const { once } = require('node:events');
const http = require('node:http');
const { promisify } = require('node:util');
const { Eureka } = require('eureka-js-client');

const instance = (hostName, more) => ({
  app: 'SHOP',
  hostName,
  instanceId: `${hostName}:80`,
  vipAddress: 'shop',
  status: 'UP',
  port: { $: 80, '@enabled': 'true' },
  ...more,
});
const registry = (instances) => JSON.stringify({ applications: { application: [{ name: 'SHOP', instance: instances }] } });

async function main(delta, whole) {
  const before = registry([instance('a'), instance('b'), instance('c')]);
  const answers = { false: [before, registry(whole)], true: [before, registry(delta)] };
  for (const shouldUseDelta of [false, true]) {
    const server = http.createServer((request, response) => response.end(answers[shouldUseDelta].shift()));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const client = new Eureka({
      shouldUseDelta,
      logger: { debug() {}, info() {}, warn() {}, error() {} },
      eureka: { host: '127.0.0.1', port: server.address().port, registerWithEureka: false },
      instance: {},
    });
    const fetchRegistry = promisify(client.fetchRegistry.bind(client));
    await fetchRegistry();
    await fetchRegistry();
    const show = (instances) => instances.map(({ hostName, status }) => `${hostName} ${status}`).join(', ');
    console.log(`  ${shouldUseDelta ? 'delta' : 'whole'}: by VIP ${show(client.getInstancesByVipAddress('shop'))}`);
    console.log(`         by application ${show(client.getInstancesByAppId('shop'))}`);
    server.close();
    server.closeAllConnections();
  }
}

void (async () => {
  console.log('c is deleted');
  await main([instance('c', { actionType: 'DELETED' })], [instance('a'), instance('b')]);
  console.log('c goes down');
  const down = { status: 'DOWN', actionType: 'MODIFIED' };
  await main([instance('c', down)], [instance('a'), instance('b'), instance('c', down)]);
})();
JS
seen=$(NODE_NO_WARNINGS=1 timeout 30 node main.js)
echo "Node.js $(node --version), eureka-js-client 4.5.0"
echo "$seen"
[ "$seen" = 'c is deleted
  whole: by VIP a UP, b UP
         by application a UP, b UP
  delta: by VIP a UP, b UP
         by application b UP, c UP
c goes down
  whole: by VIP a UP, b UP
         by application a UP, b UP
  delta: by VIP a UP, b UP, c DOWN
         by application c DOWN, b UP, c UP' ] || { echo "changed"; exit 1; }
echo "as described"
