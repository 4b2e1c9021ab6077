#!/usr/bin/env bash
# Every child that is created takes a number of ZooKeeper's sequence, one without a number in its name too.
#
# A good engineer would guess that the counter of a node counts its sequential children, so that the first of them ends in 0000000000.
# Seen with ZooKeeper 3.8.0, through node-zookeeper-client 1.1.3: after two ordinary children, one of which was removed again,
# the first sequential child ends in 0000000002; ordinary children in between leave gaps. Two prefixes share the counter as well.
#
# Why it matters: queues and locks that keep a `config` child or two prefixes below one node find gaps. Number 0, or the number
# before one's own, may never have been a member: look at the sorted list of children.
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
const { createClient, CreateMode } = require('node-zookeeper-client');

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
  const remove = promisify(client.remove.bind(client));
  const sequential = async (prefix) => (await create(`/queue/${prefix}`, CreateMode.PERSISTENT_SEQUENTIAL)).slice('/queue/'.length);

  await create('/queue');
  await create('/queue/config');
  await create('/queue/lock');
  await remove('/queue/lock');
  const names = [await sequential('job-'), await sequential('job-')];
  await create('/queue/lock');
  await remove('/queue/lock');
  console.log([...names, await sequential('job-'), await sequential('other-')].join(', '));
  process.exit();
}
void main();
JS
seen=$(timeout 60 node main.js "$jars")
echo "Node.js $(node --version), node-zookeeper-client 1.1.3"
echo "$seen"
[ "$seen" = 'job-0000000002, job-0000000003, job-0000000005, other-0000000006' ] || { echo "changed"; exit 1; }
echo "as described"
