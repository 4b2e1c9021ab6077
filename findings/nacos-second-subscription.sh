#!/usr/bin/env bash
# The nacos client hears of a change to a configuration up to half a minute late, if it was subscribed after another one.
#
# A good engineer would guess that a subscription is part of the long poll at once, as the client knows that a poll without it is
# under way. Seen with nacos 2.6.3: the poll that the first subscription began runs to its end, which is 30 s for a quiet server, and
# only the next one names the second configuration too. A change before that is heard of at that time.
#
# Why it matters: a shared client serves processes that subscribe one after another, so this is the usual case and not the
# exception: each new subscription is blind at first. Read the configuration again half a minute later, or subscribe at the start.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error nacos@2.6.3

cat >main.js <<'JS'
const { createHash } = require('node:crypto');
const { once } = require('node:events');
const http = require('node:http');
const { text } = require('node:stream/consumers');
const { NacosConfigClient } = require('nacos');

const POLL_MS = 5_000; // 30 seconds in Nacos.
const store = { first: '1', second: '1' };
const log = [];
let polls = [];

/** Answers as Nacos does: a poll ends when one of its configurations differs from the digest in the request, or in time. */
async function answer(request, response) {
  const url = new URL(request.url, 'http://localhost');
  const body = await text(request);
  if (!url.pathname.endsWith('/listener')) return response.end(store[url.searchParams.get('dataId')]);
  const entries = new URLSearchParams(body).get('Listening-Configs').split('\x01').filter(Boolean);
  const listening = entries.map((entry) => entry.split('\x02'));
  const changed = () => listening.filter(([dataId, , digest]) => createHash('md5').update(store[dataId]).digest('hex') !== digest);
  const end = () => {
    polls = polls.filter((poll) => poll.end !== end);
    response.end(encodeURIComponent(changed().map(([dataId, group]) => `${dataId}\x02${group}\x02public\x01`).join('')));
  };
  log.push(`poll for ${listening.map(([dataId]) => dataId).join(' and ')}`);
  if (changed().length > 0) return end();
  polls.push({ changed, end });
  setTimeout(end, POLL_MS);
}

async function until(condition) {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 20));
}

async function main() {
  const server = http.createServer(answer).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const client = new NacosConfigClient({ serverAddr: `127.0.0.1:${server.address().port}`, namespace: 'public', cacheDir: __dirname });
  await client.ready();
  const subscribe = (dataId) => client.subscribe({ dataId, group: 'GROUP' }, (content) => log.push(`${dataId} is ${content}`));
  subscribe('first');
  await until(() => polls.length === 1);
  subscribe('second');
  await until(() => log.includes('second is 1'));
  store.second = '2';
  log.push('second changes');
  for (const { changed, end } of polls) if (changed().length > 0) end();
  await until(() => log.includes('second is 2'));
  console.log(log.slice(0, log.indexOf('second is 2') + 1).join('\n'));
  process.exit();
}
void main();
JS
seen=$(timeout 60 node main.js)
echo "Node.js $(node --version), nacos 2.6.3"
echo "$seen"
[ "$seen" = 'first is 1
poll for first
second is 1
second changes
poll for first and second
second is 2' ] || { echo "changed"; exit 1; }
echo "as described"
