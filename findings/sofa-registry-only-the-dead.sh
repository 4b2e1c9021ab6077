#!/usr/bin/env bash
# When the process that holds the connection of sofa-rpc-node's ZooKeeper registry is killed, the survivors see, for a moment, a list
# with the killed provider alone.
#
# A good engineer would guess that the list keeps all providers until the session of the killed process ends, and then loses that one:
# ephemeral nodes behave like that. Seen with sofa-rpc-node 2.10.0, cluster-client 3.7.0 and ZooKeeper 3.8.0, three providers and the
# first killed: each survivor registers again through the next holder, and `register` removes the node that exists before it creates
# it anew. In between, consumers get the list of what is left, which is the provider that is dead.
#
# Why it matters: a consumer that trusts each list sends every request of that moment to a dead process. Ignore a list that loses
# nearly everything at once for a second, or keep addresses that still answer.
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
npm install --no-audit --no-fund --loglevel=error sofa-rpc-node@2.10.0 cluster-client@3.7.0

cat >provider.js <<'JS'
const cluster = require('cluster-client');
const { ZookeeperRegistry } = require('sofa-rpc-node').registry;
const [address, port] = process.argv.slice(2);
const logger = { info() {}, warn() {}, error() {} };
const shared = (upstream, options) => cluster(upstream, { ...options, singleMode: false });
const registry = new ZookeeperRegistry({ logger, address, cluster: shared });
registry.on('error', () => undefined);
registry.ready(async () => {
  await registry.register({ interfaceName: 'com.example', url: `bolt://127.0.0.1:${port}?interface=com.example` });
  registry.subscribe({ interfaceName: 'com.example' }, (urls) => {
    process.send(urls.map((url) => new URL(url.replace('bolt:', 'http:')).port).sort().join(' '));
  });
});
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

async function main() {
  const port = await freePort();
  const settings = { tickTime: 500, dataDir: `${__dirname}/data`, clientPort: port, clientPortAddress: '127.0.0.1', 'admin.enableServer': false };
  writeFileSync('zoo.cfg', Object.entries(settings).map(([name, value]) => `${name}=${value}\n`).join(''));
  const server = spawn('java', ['-cp', `${process.argv[2]}/*`, 'org.apache.zookeeper.server.quorum.QuorumPeerMain', 'zoo.cfg'], { stdio: 'ignore' });
  process.on('exit', () => server.kill('SIGKILL'));
  const env = { ...process.env, NODE_CLUSTER_CLIENT_PORT: String(await freePort()) };
  const seen = [];
  const until = async (list, from) => {
    while (!seen.slice(from).includes(list)) await new Promise((resolve) => setTimeout(resolve, 20));
  };
  const start = (name) => {
    const child = fork('provider.js', [`127.0.0.1:${port}`, name], { env, stdio: ['ignore', 'ignore', 'ignore', 'ipc'] });
    child.on('message', (list) => child === watched && seen.push(list));
    process.on('exit', () => child.kill('SIGKILL'));
    return child;
  };
  let watched;
  const first = start('1001');
  watched = first;
  await until('1001', 0);
  watched = start('1002');
  await until('1001 1002', 0);
  start('1003');
  await until('1001 1002 1003', 0);
  const before = seen.length;
  first.kill('SIGKILL');
  await until('1002 1003', before);
  const lists = seen.slice(before);
  console.log(`the killed provider alone: ${lists.includes('1001')}`);
  console.log(`at the end: ${lists.at(-1)}`);
  process.exit();
}
void main();
JS
seen=$(timeout 90 node main.js "$jars")
echo "Node.js $(node --version), sofa-rpc-node 2.10.0, cluster-client 3.7.0"
echo "$seen"
[ "$seen" = "the killed provider alone: true
at the end: 1002 1003" ] || { echo "changed"; exit 1; }
echo "as described"
