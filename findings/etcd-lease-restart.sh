#!/usr/bin/env bash
# A lease of etcd has its full time again when etcd is started again, however long etcd was down.
#
# A good engineer would guess that a lease of 6 s that nobody renews is gone 6 s after its last renewal, whatever happens to the server: time
# runs on while a server is down, and leases are kept on disk. Seen with etcd 3.4.23 and its default settings: after 3 s of its 6 s, and a
# restart (`kill -9`) that takes longer than the other 3 s, the lease has 6 s again and its key is there.
#
# Why it matters: instances of a dead process outlive their time to live by each restart, and a server that restarts often keeps them for
# ever. Whoever reads a registry right after a restart of etcd should not trust that all of its entries live.
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

/** Starts a server, always with the same data. */
function starterOfEtcd(url, peerUrl) {
  const flags = {
    'data-dir': `${__dirname}/data`,
    'listen-client-urls': url,
    'advertise-client-urls': url,
    'listen-peer-urls': peerUrl,
    'initial-advertise-peer-urls': peerUrl,
    'initial-cluster': `default=${peerUrl}`,
  };
  return async () => {
    const etcd = spawn('etcd', Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]), { stdio: 'ignore' });
    process.on('exit', () => etcd.kill('SIGKILL'));
    await until(() => fetch(`${url}/health`).then((answer) => answer.ok, () => false));
    return etcd;
  };
}
async function main() {
  const url = `http://127.0.0.1:${await freePort()}`;
  const start = starterOfEtcd(url, `http://127.0.0.1:${await freePort()}`);
  const ask = async (path, body) => (await fetch(`${url}/v3/${path}`, { method: 'POST', body: JSON.stringify(body) })).json();
  const wait = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

  let etcd = await start();
  const { ID } = await ask('lease/grant', { TTL: 6 });
  await ask('kv/put', { key: base64('instance'), value: base64('here'), lease: ID });
  await wait(3_000);
  const before = Number((await ask('lease/timetolive', { ID })).TTL);
  etcd.kill('SIGKILL');
  await once(etcd, 'exit');
  await wait(4_000);
  etcd = await start();
  const after = Number((await ask('lease/timetolive', { ID })).TTL ?? 0);
  const { count = '0' } = await ask('kv/range', { key: base64('instance') });
  console.log(`3 s after the grant: ${before > 0 && before <= 3 ? 'at most 3 s are left' : `${before} s are left`}`);
  console.log(`after 4 s without a server: ${after > 3 ? 'more than 3 s are left' : `${after} s are left`}, ${count} key`);
  process.exit();
}
void main();
JS
seen=$(timeout 60 node main.js)
echo "Node.js $(node --version), $(etcd --version | head -n 1)"
echo "$seen"
[ "$seen" = '3 s after the grant: at most 3 s are left
after 4 s without a server: more than 3 s are left, 1 key' ] || { echo "changed"; exit 1; }
echo "as described"
