#!/usr/bin/env bash
# Three processes with zookeeper-cluster-client have three connections to ZooKeeper, not one.
#
# A good engineer would guess one: the package describes itself as sharing one connection among processes, and depends on
# cluster-client, which does that. Seen with zookeeper-cluster-client 3.1.1, cluster-client 3.7.0 and ZooKeeper 3.8.0: its options for
# cluster-client say `singleMode: true`, so each process that calls `createClient` with the same address connects for itself. Only a
# function in the option `cluster`, as egg gives one, changes that.
#
# Why it matters: who chose the package for the number of connections has as many as before, and sees no difference on one machine.
set -euo pipefail

jars=/usr/share/java
if ! command -v java >/dev/null || [ ! -e "$jars/zookeeper.jar" ]; then
  echo "skipped: java and ZooKeeper are not installed"
  exit 0
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error zookeeper-cluster-client@3.1.1 cluster-client@3.7.0

cat >process.js <<'JS'
const cluster = require('cluster-client');
const zookeeper = require('zookeeper-cluster-client');
const [address, way] = process.argv.slice(2);
const shared = { cluster: (upstream, options) => cluster(upstream, { ...options, singleMode: false }) };
const client = zookeeper.createClient(address, way === 'shared' ? shared : {});
client.ready(() => process.send('ready'));
client.connect();
JS
cat >main.js <<'JS'
const { fork, spawn } = require('node:child_process');
const { once } = require('node:events');
const { writeFileSync } = require('node:fs');
const net = require('node:net');

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

/** Asks for the connections; the one that asks has no session. */
async function sessions(port) {
  const socket = net.connect(port, '127.0.0.1');
  let text = '';
  socket.setEncoding('utf8').on('data', (chunk) => (text += chunk));
  socket.write('cons');
  await once(socket, 'close');
  return text.split('\n').filter((line) => line.includes('sid=')).length;
}

async function main() {
  const port = await freePort();
  const settings = { dataDir: `${__dirname}/data`, clientPort: port, clientPortAddress: '127.0.0.1', 'admin.enableServer': false, '4lw.commands.whitelist': 'cons' };
  writeFileSync('zoo.cfg', Object.entries(settings).map(([name, value]) => `${name}=${value}\n`).join(''));
  const server = spawn('java', ['-cp', `${process.argv[2]}/*`, 'org.apache.zookeeper.server.ZooKeeperServerMain', 'zoo.cfg'], { stdio: 'ignore' });
  process.on('exit', () => server.kill('SIGKILL'));
  for (const way of ['by default', 'shared']) {
    const env = { ...process.env, NODE_CLUSTER_CLIENT_PORT: String(await freePort()) };
    const children = [];
    for (let i = 0; i < 3; i++) {
      const child = fork('process.js', [`127.0.0.1:${port}`, way], { env, stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
      children.push(child);
      await once(child, 'message');
    }
    console.log(`${way}: ${await sessions(port)} connections of 3 processes`);
    for (const child of children) {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    while ((await sessions(port)) > 0) await new Promise((resolve) => setTimeout(resolve, 100));
  }
  process.exit();
}
void main();
JS
seen=$(timeout 90 node main.js "$jars")
echo "Node.js $(node --version), zookeeper-cluster-client 3.1.1, cluster-client 3.7.0"
echo "$seen"
[ "$seen" = "by default: 3 connections of 3 processes
shared: 1 connections of 3 processes" ] || { echo "changed"; exit 1; }
echo "as described"
