#!/usr/bin/env bash
# `listSubTreeBFS` of node-zookeeper-client lists a node and its children only, and `removeRecursive` fails on a tree that is deeper.
#
# A good engineer would guess that both work at every depth: the documentation calls the first a breadth-first list of the system under a
# path, and the second is to delete a node and all its children. Seen with node-zookeeper-client 1.1.3 and ZooKeeper 3.8.0: for a tree
# `/tree/a/b` the list is `/tree`, `/tree/a`, and the removal ends with NOT_EMPTY. The package walks over a list that grows meanwhile, with a
# version of the package async that looks at the length once, at the beginning.
#
# Why it matters: tests with flat trees pass. A backup by the list lacks everything below the first level, and a removal leaves half a
# tree. Walk with `getChildren`, and remove the deepest nodes first.
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
  const create = promisify(client.create.bind(client));
  const list = promisify(client.listSubTreeBFS.bind(client));
  const removeRecursive = promisify(client.removeRecursive.bind(client));
  const outcome = (work) =>
    work.then(
      () => 'done',
      (error) => error.getName(),
    );

  for (const path of ['/flat', '/flat/a', '/flat/x', '/tree', '/tree/a', '/tree/a/b']) await create(path);
  for (const path of ['/flat', '/tree']) {
    const listed = (await list(path)).sort().join(' ');
    const removal = await outcome(removeRecursive(path));
    const left = await list(path).then(
      (paths) => paths.sort().join(' '),
      () => 'nothing',
    );
    console.log(`list: ${listed}; removal: ${removal}; left: ${left}`);
  }
  process.exit();
}
void main();
JS
seen=$(timeout 60 node main.js "$jars")
echo "Node.js $(node --version), node-zookeeper-client 1.1.3"
echo "$seen"
[ "$seen" = "list: /flat /flat/a /flat/x; removal: done; left: nothing
list: /tree /tree/a; removal: NOT_EMPTY; left: /tree /tree/a" ] || { echo "changed"; exit 1; }
echo "as described"
