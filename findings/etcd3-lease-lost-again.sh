#!/usr/bin/env bash
# A lease of etcd3 is reported as lost anew by every write that is tried with it afterwards.
#
# A good engineer would guess that `lost` is emitted once: a lease cannot come back, and the documentation has listeners of this
# event make a new one. Seen with etcd3 1.1.2 and etcd 3.4.23: each `put` with the lease fails, as it should, and emits `lost` again.
#
# Why it matters: a listener that makes a new lease and registers the process anew does so once for every write that is still on
# its way with the old lease. Use `once('lost')`.
set -euo pipefail

if ! command -v etcd >/dev/null; then
  echo "skipped: etcd is not installed"
  exit 0
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error etcd3@1.1.2

cat >main.js <<'JS'
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const net = require('node:net');
const { Etcd3 } = require('etcd3');

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

/** Starts a server of its own and returns its address. */
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
  const hosts = await startEtcd();
  const client = new Etcd3({ hosts });
  const lease = client.lease(10, { autoKeepAlive: false });
  let lost = 0;
  lease.on('lost', () => lost++);
  const id = await lease.grant();
  await lease.put('member').value('1');
  await new Etcd3({ hosts }).leaseClient.leaseRevoke({ ID: id });
  for (const number of ['first', 'second', 'third']) {
    const result = await lease.put('member').value('2').exec().then(() => 'succeeds', (error) => `fails (${error.name})`);
    console.log(`${number} write after the lease is revoked ${result}; lost was emitted ${lost} times`);
  }
  process.exit();
}
void main();
JS
seen=$(timeout 60 node main.js)
echo "Node.js $(node --version), etcd3 1.1.2, $(etcd --version | head -n 1)"
echo "$seen"
[ "$seen" = 'first write after the lease is revoked fails (Error); lost was emitted 1 times
second write after the lease is revoked fails (Error); lost was emitted 2 times
third write after the lease is revoked fails (Error); lost was emitted 3 times' ] || { echo "changed"; exit 1; }
echo "as described"
