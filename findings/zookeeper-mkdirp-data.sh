#!/usr/bin/env bash
# `mkdirp(path, data, callback)` of node-zookeeper-client writes the data into every node it creates, not only into the last one.
#
# A good engineer would guess that the data belongs to the path that was named, and that the missing parents are created empty.
# The documentation compares the method with `mkdir -p`. Seen with node-zookeeper-client 1.1.3 and ZooKeeper 3.8.0:
# after `mkdirp('/config/app/url', data)` all three nodes hold the data. Nodes that exist, the last one included, keep theirs.
#
# Why it matters: several processes create the same tree at their start. A process that watches or reads a parent finds there a
# value that nobody meant to write. Create the parents without data first, then the last node with `create()`.
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
npm install --no-audit --no-fund --loglevel=error node-zookeeper-client@1.1.3

cat >main.js <<'JS'
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const { writeFileSync } = require('node:fs');
const net = require('node:net');
const { promisify } = require('node:util');
const { createClient } = require('node-zookeeper-client');

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function main() {
  const port = await freePort();
  const settings = { dataDir: `${__dirname}/data`, clientPort: port, clientPortAddress: '127.0.0.1', 'admin.enableServer': false };
  const lines = Object.entries(settings).map(([name, value]) => `${name}=${value}\n`);
  writeFileSync('zoo.cfg', lines.join(''));
  const server = spawn('java', ['-cp', `${process.argv[2]}/*`, 'org.apache.zookeeper.server.ZooKeeperServerMain', 'zoo.cfg'], {
    stdio: 'ignore',
  });
  process.on('exit', () => server.kill('SIGKILL'));

  const client = createClient(`127.0.0.1:${port}`);
  client.connect();
  await once(client, 'connected');
  const mkdirp = promisify(client.mkdirp.bind(client));
  const getData = promisify(client.getData.bind(client));
  const read = async (path) => `${path} '${(await getData(path)) ?? ''}'`;

  await mkdirp('/config/app/url', Buffer.from('first'));
  console.log([await read('/config'), await read('/config/app'), await read('/config/app/url')].join(', '));
  await mkdirp('/config/app/url', Buffer.from('second'));
  await mkdirp('/config/app/name', Buffer.from('second'));
  console.log([await read('/config/app'), await read('/config/app/url'), await read('/config/app/name')].join(', '));
  process.exit();
}
void main();
JS
seen=$(timeout 60 node main.js "$jars")
echo "Node.js $(node --version), node-zookeeper-client 1.1.3"
echo "$seen"
[ "$seen" = "/config 'first', /config/app 'first', /config/app/url 'first'
/config/app 'first', /config/app/url 'first', /config/app/name 'second'" ] || { echo "changed"; exit 1; }
echo "as described"
