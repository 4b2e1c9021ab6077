#!/usr/bin/env bash
# etcd's JSON gateway answers a watch whose request body stays open only when the connection is not to be kept.
#
# A good engineer would guess that a watch streams as soon as its first message has been sent, as the gateway takes further messages in
# the same body: another range to watch, the end of a watch, a request for progress. Seen with etcd 3.4.23: over a connection that is kept
# (the default of HTTP/1.1 and of Node.js) not even the status comes until the body has ended, and events wait, too. With the header
# `connection: close` everything comes at once, in both directions.
#
# Why it matters: with a body that ends after the first message a watch works, but one connection carries one watch, and a quiet
# connection cannot be asked for a sign of life.
set -euo pipefail

if ! command -v etcd >/dev/null; then
  echo "skipped: etcd is not installed"
  exit 0
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

cat >main.js <<'JS'
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const http = require('node:http');
const net = require('node:net');

const base64 = (text) => Buffer.from(text).toString('base64');

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function until(condition) {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** Starts a server of its own, and returns its address. */
async function startEtcd() {
  const [url, peerUrl] = [`http://127.0.0.1:${await freePort()}`, `http://127.0.0.1:${await freePort()}`];
  const flags = {
    'data-dir': `${__dirname}/data`,
    'listen-client-urls': url,
    'advertise-client-urls': url,
    'listen-peer-urls': peerUrl,
    'initial-advertise-peer-urls': peerUrl,
    'initial-cluster': `default=${peerUrl}`,
  };
  const etcd = spawn('etcd', Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]), { stdio: 'ignore' });
  process.on('exit', () => etcd.kill('SIGKILL'));
  await until(() => fetch(`${url}/health`).then((answer) => answer.ok, () => false));
  return url;
}
/** Opens a watch, leaves the body open for half a second, and tells when the answer began. */
function watch(url, headers) {
  return new Promise((resolve) => {
    const request = http.request(`${url}/v3/watch`, { method: 'POST', headers, agent: false });
    let isBodyOpen = true;
    request.once('response', (response) => {
      response.once('data', (line) => {
        resolve(`${JSON.parse(line).result.created ? 'created' : 'something else'} ${isBodyOpen ? 'while the body is open' : 'after the body has ended'}`);
        request.destroy();
      });
    });
    request.on('error', () => undefined);
    request.write(JSON.stringify({ create_request: { key: base64('a') } }));
    setTimeout(() => {
      isBodyOpen = false;
      request.end();
    }, 500);
  });
}

async function main() {
  const url = await startEtcd();
  for (const connection of ['keep-alive', 'close']) console.log(`${connection}: ${await watch(url, { connection })}`);
  process.exit();
}
void main();
JS
seen=$(timeout 60 node main.js)
echo "Node.js $(node --version), $(etcd --version | head -n 1)"
echo "$seen"
[ "$seen" = 'keep-alive: created after the body has ended
close: created while the body is open' ] || { echo "changed"; exit 1; }
echo "as described"
