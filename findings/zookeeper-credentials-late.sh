#!/usr/bin/env bash
# Operations that node-zookeeper-client queues before it is connected reach the server before the credentials.
#
# A good engineer would guess that `addAuthInfo()` before `connect()` covers everything the client sends: the client keeps the
# credentials, and queues operations until it is connected. Seen with node-zookeeper-client 1.1.3 and ZooKeeper 3.8.0: an operation
# called right after `connect()` is refused with NO_AUTH, and so is one that was called while the client was connecting again; the
# same operation in a `connected` listener succeeds.
#
# Why it matters: the refusal looks like a wrong password or ACL, comes after a restart of the server or in the first milliseconds of a
# process only, and a second try succeeds. Wait for `connected` before each operation, also after a cut.
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
const { ACL, createClient } = require('node-zookeeper-client');

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

  // A proxy whose connections can be cut.
  const sockets = new Set();
  const proxy = net.createServer((socket) => {
    const target = net.connect(port, '127.0.0.1');
    for (const [from, to] of [
      [socket, target],
      [target, socket],
    ]) {
      sockets.add(from);
      from.on('error', () => undefined).on('close', () => to.destroy());
      from.pipe(to);
    }
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');

  const owner = createClient(`127.0.0.1:${port}`);
  owner.addAuthInfo('digest', Buffer.from('shop:secret'));
  owner.connect();
  await once(owner, 'connected');
  await promisify(owner.create.bind(owner))('/secret', Buffer.from('value'), ACL.CREATOR_ALL_ACL);

  const client = createClient(`127.0.0.1:${proxy.address().port}`);
  const read = () =>
    promisify(client.getData.bind(client))('/secret').then(
      (data) => `'${data}'`,
      (error) => error.getName(),
    );
  client.addAuthInfo('digest', Buffer.from('shop:secret'));
  client.connect();
  console.log(`right after connect(): ${await read()}`);
  console.log(`when connected: ${await read()}`);
  const disconnected = once(client, 'disconnected');
  const connected = once(client, 'connected');
  for (const socket of sockets) socket.destroy();
  await disconnected;
  console.log(`while connecting again: ${await read()}`);
  await connected;
  console.log(`when connected again: ${await read()}`);
  process.exit();
}
void main();
JS
seen=$(timeout 60 node main.js "$jars")
echo "Node.js $(node --version), node-zookeeper-client 1.1.3"
echo "$seen"
[ "$seen" = "right after connect(): NO_AUTH
when connected: 'value'
while connecting again: NO_AUTH
when connected again: 'value'" ] || { echo "changed"; exit 1; }
echo "as described"
