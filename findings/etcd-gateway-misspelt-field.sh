#!/usr/bin/env bash
# etcd's JSON gateway ignores fields that it does not know: a misspelt `value` stores an empty value.
#
# A good engineer would guess that `{"key": …, "valu": …}` is refused with status 400, as parsers of the JSON form of protobuf do unless
# they are told otherwise. Seen with etcd 3.4.23: status 200, and the value is empty. In the same way a misspelt `range_end` deletes or watches a
# single key instead of a prefix, and a misspelt `compare` makes a transaction unconditional.
#
# Why it matters: a typing error in a program over the gateway is no error anywhere, and overwrites data. Read back what was written, once,
# in a test of the program.
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
async function main() {
  const url = await startEtcd();
  const ask = async (path, body) => {
    const answer = await fetch(`${url}/v3/kv/${path}`, { method: 'POST', body: JSON.stringify(body) });
    return { status: answer.status, ...(await answer.json()) };
  };
  const valueNow = async () => JSON.stringify(Buffer.from((await ask('range', { key: base64('a') })).kvs[0].value ?? '', 'base64').toString());
  await ask('put', { key: base64('a'), value: base64('good') });
  const put = await ask('put', { key: base64('a'), valu: base64('better') });
  console.log(`valu: status ${put.status}, the value is ${await valueNow()}`);
  const condition = { key: base64('a'), target: 'VERSION', result: 'EQUAL', version: '0' };
  const write = { request_put: { key: base64('a'), value: base64('for a missing key only') } };
  const txn = await ask('txn', { compares: [condition], success: [write] });
  console.log(`compares: status ${txn.status}, the value is ${await valueNow()}`);
  process.exit();
}
void main();
JS
seen=$(timeout 60 node main.js)
echo "Node.js $(node --version), $(etcd --version | head -n 1)"
echo "$seen"
[ "$seen" = 'valu: status 200, the value is ""
compares: status 200, the value is "for a missing key only"' ] || { echo "changed"; exit 1; }
echo "as described"
