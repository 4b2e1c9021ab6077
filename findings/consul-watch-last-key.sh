#!/usr/bin/env bash
# A watch of `kv.keys` of the consul client reports the removal of the last key as an error, one of `kv.get` as a change.
#
# A good engineer would guess that both report a change to nothing: Consul answers both requests with status 404 and an index when
# no key is left. Seen with consul 2.0.1: a watch of `kv.get` with `recurse` emits `change` with undefined. A watch of
# `kv.keys` emits the error 'not found', keeps the old index, and asks again after a pause that doubles up to 30 seconds, for as
# long as there is no key.
#
# Why it matters: members of a group are often kept as keys below a prefix. A process that follows the list never hears that the
# last member left, sees errors while the group is empty, and hears of the next member up to half a minute late.
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

/** Answers as Consul does for the prefix `group/`: one key at index 5, none at index 6. */
function answer(request, response) {
  const { searchParams } = new URL(request.url, 'http://localhost');
  const index = searchParams.get('index');
  if (index === '6') return; // Nothing changes any more.
  const key = { Key: 'group/one', Value: 'MQ==', Flags: 0, ModifyIndex: 5 };
  const found = index === '0';
  response.writeHead(found ? 200 : 404, { 'x-consul-index': found ? '5' : '6', 'content-type': 'application/json' });
  response.end(found ? JSON.stringify(searchParams.has('keys') ? [key.Key] : [key]) : '');
}

async function main() {
  const server = http.createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const consul = new Consul({ host: '127.0.0.1', port: server.address().port });
  for (const [name, method, options] of [
    ['kv.get ', consul.kv.get, { key: 'group/', recurse: true }],
    ['kv.keys', consul.kv.keys, { key: 'group/' }],
  ]) {
    const watch = consul.watch({ method, options, backoffFactor: 10 });
    const events = [];
    watch.on('change', (data) => events.push(`change to ${data ? `${data.length} key` : 'nothing'}`));
    watch.on('error', (error) => events.push(`error '${error.message}'`));
    while (events.length < 2) await new Promise((resolve) => setTimeout(resolve, 5));
    console.log(`${name}: ${events.slice(0, 2).join(', ')}`);
    watch.end();
  }
  process.exit();
}
void main();
JS
seen=$(timeout 30 node main.js)
echo "Node.js $(node --version), consul 2.0.1"
echo "$seen"
[ "$seen" = "kv.get : change to 1 key, change to nothing
kv.keys: change to 1 key, error 'not found'" ] || { echo "changed"; exit 1; }
echo "as described"
