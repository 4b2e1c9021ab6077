#!/usr/bin/env bash
# In an etcd transaction every comparison of the value of a missing key is false: `!=` as well as `==`, `<` and `>`.
#
# A good engineer would guess that a key that is not there has no value, or an empty one, so that one of `value == x` and
# `value != x` holds. Seen with etcd 3.4.23, through etcd3 1.1.2: neither does, for any x. For versions, revisions and
# leases a missing key counts as 0, and exactly one of the two holds.
#
# Why it matters: "write unless the value is there already" (`if value != x then put`) never writes the first time, and nothing
# fails: the transaction takes its else branch. Compare `version == 0` too, in a transaction of the else branch.
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
  const client = new Etcd3({ hosts: await startEtcd() });
  await client.put('there').value('y');
  const operators = ['==', '!==', '<', '>'];
  for (const [column, operand] of [['Value', 'x'], ['Version', 5]]) {
    for (const key of ['there', 'missing']) {
      const holds = async (operator) => (await client.if(key, column, operator, operand).commit()).succeeded;
      const held = [];
      for (const operator of operators) if (await holds(operator)) held.push(`${column} ${operator} ${operand}`);
      console.log(`${key}: ${held.join(', ') || `none of ${column} ${operators.join(', ')} ${operand}`}`);
    }
  }
  process.exit();
}
void main();
JS
seen=$(timeout 60 node main.js)
echo "Node.js $(node --version), etcd3 1.1.2, $(etcd --version | head -n 1)"
echo "$seen"
[ "$seen" = 'there: Value !== x, Value > x
missing: none of Value ==, !==, <, > x
there: Version !== 5, Version < 5
missing: Version !== 5, Version < 5' ] || { echo "changed"; exit 1; }
echo "as described"
