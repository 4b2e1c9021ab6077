#!/usr/bin/env bash
# An exception in a `change` listener of a watch of the consul client is reported as an error of the watch, and the change is lost.
#
# A good engineer would guess that the exception is uncaught, as with any event emitter, or that the change comes again. Seen with
# consul 2.0.1: the exception is emitted as `error`, where refused connections and answers with status 500 arrive, the watch
# waits as after a failed request, and then asks for what comes after the index that it could not deliver.
#
# Why it matters: listeners of `error` log and rely on the watch to try again. A configuration that a listener fails to
# parse is neither applied nor offered again before the next change, and the log blames the connection.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error consul@2.0.1

cat >main.js <<'JS'
const { once } = require('node:events');
const http = require('node:http');
const Consul = require('consul');

async function main() {
  const requests = [];
  const server = http.createServer((request, response) => {
    const index = new URL(request.url, 'http://localhost').searchParams.get('index');
    requests.push(index);
    if (index !== '0') return; // Nothing changes any more.
    response.writeHead(200, { 'x-consul-index': '5', 'content-type': 'application/json' });
    response.end(JSON.stringify([{ Key: 'key', Value: Buffer.from('{').toString('base64'), Flags: 0, ModifyIndex: 5 }]));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');

  process.on('uncaughtException', () => console.log('uncaught exception'));
  const consul = new Consul({ host: '127.0.0.1', port: server.address().port });
  const watch = consul.watch({ method: consul.kv.get, options: { key: 'key' }, backoffFactor: 10 });
  watch.on('change', () => {
    console.log('change');
    throw new Error('listener failed');
  });
  watch.on('error', (error) => console.log(`error event: ${error.message}`));
  while (requests.length < 2) await once(server, 'request');
  console.log(`index of the requests: ${requests.join(', ')}`);
  process.exit();
}
void main();
JS
seen=$(timeout 30 node main.js)
echo "Node.js $(node --version), consul 2.0.1"
echo "$seen"
[ "$seen" = 'change
error event: listener failed
index of the requests: 0, 5' ] || { echo "changed"; exit 1; }
echo "as described"
