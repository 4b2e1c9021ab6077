#!/usr/bin/env bash
# ctrip-apollo loses a change for good when the one request for the new values fails.
#
# A good engineer would guess that a change that was announced is asked for again after a failure, or announced again. Seen with
# ctrip-apollo 4.5.1 and its defaults: the notification counts as done before the values are there, a failed request is a
# `fetch-error` event, which nobody has to hear, and the next poll waits for the change after it.
#
# Why it matters: a configuration service that is restarted or overloaded fails just when many clients come for a new release. Some
# processes then run with the old values until the next release. `enableFetch: true` asks every five minutes; or call `fetch()` on `fetch-error`.
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
let failures = 0;
let held = [];
let reads = 0;
/** Answers as the configuration service of Apollo does. */
function answer(request, response) {
  const { pathname, searchParams } = new URL(request.url, 'http://localhost');
  if (pathname === '/notifications/v2') {
    const [{ namespaceName, notificationId }] = JSON.parse(searchParams.get('notifications'));
    const reply = () => response.end(JSON.stringify([{ namespaceName, notificationId: id }]));
    if (notificationId !== id) return reply();
    held.push(reply);
    return;
  }
  reads++;
  if (failures-- > 0) return response.writeHead(503).end();
  response.end(JSON.stringify({ releaseKey: String(id), configurations: { version: String(id) } }));
}

async function until(condition, ms = 5_000) {
  const end = Date.now() + ms;
  while (!condition() && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 10));
}

async function main() {
  const server = http.createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const namespace = apollo({ host: `http://127.0.0.1:${server.address().port}`, appId: 'shop' }).namespace('application');
  namespace.on('fetch-error', ({ code }) => console.log(`  fetch-error ${code}`));
  await namespace.ready();
  for (const failing of [1, 0]) {
    await until(() => held.length > 0);
    id++;
    failures = failing;
    reads = 0;
    console.log(`release ${id}, ${failing} answer${failing === 1 ? '' : 's'} with status 503`);
    for (const reply of held.splice(0)) reply();
    await until(() => reads > 0);
    await until(() => namespace.get('version') === String(id), 3_000);
    console.log(`  ${reads} request, release ${namespace.get('version')} is in use`);
  }
  process.exit();
}
void main();
JS
seen=$(NODE_NO_WARNINGS=1 timeout 60 node main.js)
echo "Node.js $(node --version), ctrip-apollo 4.5.1"
echo "$seen"
[ "$seen" = 'release 2, 1 answer with status 503
  fetch-error FETCH_STATUS_ERROR
  1 request, release 1 is in use
release 3, 0 answers with status 503
  1 request, release 3 is in use' ] || { echo "changed"; exit 1; }
echo "as described"
