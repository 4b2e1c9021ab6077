#!/usr/bin/env bash
# ctrip-apollo reads a namespace of type JSON under the name of a namespace of properties, and hears no change of it.
#
# A good engineer would guess that `namespace('settings', 'JSON')` is the namespace that Apollo calls `settings.json`, as the
# documentation of the client offers both formats. Seen with ctrip-apollo 4.5.1: the long poll names `settings.json`, but the values
# are asked for as `settings`. A notification for `settings.json` is taken for another namespace, which nobody has made
# ready, so nothing is read again and no event is emitted. With the name `settings.json` and the default type all of it works.
#
# Why it matters: where both namespaces exist the application runs with the values of the wrong one, and where only the JSON one does,
# `ready()` fails with status 404. Name JSON namespaces with their ending, and leave the type out.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error ctrip-apollo@4.5.1 2>/dev/null

cat >main.js <<'JS'
const { once } = require('node:events');
const http = require('node:http');
const apollo = require('ctrip-apollo');

let id = 1;
let held = [];
let reads = [];
/** Answers as the configuration service of Apollo does, for the namespaces `settings` and `settings.json`. */
function answer(request, response) {
  const { pathname, searchParams } = new URL(request.url, 'http://localhost');
  if (pathname === '/notifications/v2') {
    const [{ namespaceName, notificationId }] = JSON.parse(searchParams.get('notifications'));
    if (held.polled !== namespaceName) console.log(`  polls ${namespaceName}`);
    held.polled = namespaceName;
    const reply = () => response.end(JSON.stringify([{ namespaceName, notificationId: id }]));
    if (notificationId !== id) return reply();
    held.push(reply);
    return;
  }
  const namespaceName = pathname.split('/').pop();
  reads.push(namespaceName);
  response.end(JSON.stringify({ namespaceName, releaseKey: String(id), configurations: { format: namespaceName, version: String(id) } }));
}

async function until(condition, ms = 5_000) {
  const end = Date.now() + ms;
  while (!condition() && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 10));
}

async function main() {
  const server = http.createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  for (const [name, type] of [['settings', 'JSON'], ['settings.json', undefined]]) {
    id = 1;
    held = [];
    reads = [];
    console.log(`namespace('${name}'${type ? `, '${type}'` : ''})`);
    const app = apollo({ host: `http://127.0.0.1:${server.address().port}`, appId: 'shop' }).cluster();
    const namespace = app.namespace(name, type);
    let told = false;
    namespace.on('change', () => (told = true));
    await namespace.ready();
    console.log(`  has the values of ${namespace.get('format')}`);
    await until(() => held.length > 0); // The first notification was heard, and the next poll waits.
    const before = reads.length;
    id = 2;
    for (const reply of held.splice(0)) reply();
    await until(() => held.length > 0);
    await until(() => told, 1_000);
    console.log(`  after a change: read again ${reads.length > before}, told ${told}`);
    app.enableUpdateNotification(false);
  }
  process.exit();
}
void main();
JS
seen=$(NODE_NO_WARNINGS=1 timeout 60 node main.js)
echo "Node.js $(node --version), ctrip-apollo 4.5.1"
echo "$seen"
[ "$seen" = "namespace('settings', 'JSON')
  polls settings.json
  has the values of settings
  after a change: read again false, told false
namespace('settings.json')
  polls settings.json
  has the values of settings.json
  after a change: read again true, told true" ] || { echo "changed"; exit 1; }
echo "as described"
