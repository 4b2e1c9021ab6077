#!/usr/bin/env bash
# In a transaction of node-zookeeper-client the version 0 means any version: a compare-and-set on a new node always succeeds.
#
# A good engineer would guess that `transaction().setData(path, data, 0)` requires version 0, as `client.setData(path, data, 0)` does; -1
# is documented as "any". Seen with node-zookeeper-client 1.1.3 and ZooKeeper 3.8.0: on a node of version 1 the plain call is refused with
# BAD_VERSION, while `setData`, `check` and `remove` of a transaction with version 0 succeed. With version 5 all are refused.
#
# Why it matters: every node begins with version 0, so the first conditional write after a creation is the one that is not conditional,
# and two writers both believe that they were first. Set the version in `transaction.ops` afterwards, or begin with a write that makes
# the version 1.
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
  const setData = promisify(client.setData.bind(client));
  const outcome = (work) =>
    work.then(
      () => 'done',
      (error) => error.getName(),
    );
  const commit = (transaction) => outcome(promisify(transaction.commit.bind(transaction))());

  for (const version of [0, 5]) {
    const path = `/node-${version}`;
    await create(path, Buffer.from('first'));
    await setData(path, Buffer.from('second'));
    const seen = {
      setData: await outcome(setData(path, Buffer.from('third'), version)),
      'transaction check': await commit(client.transaction().check(path, version)),
      'transaction setData': await commit(client.transaction().setData(path, Buffer.from('third'), version)),
      'transaction remove': await commit(client.transaction().remove(path, version)),
    };
    const words = Object.entries(seen).map(([name, result]) => `${name} ${result}`);
    console.log(`version 1, required ${version}: ${words.join(', ')}`);
  }
  process.exit();
}
void main();
JS
seen=$(timeout 60 node main.js "$jars")
echo "Node.js $(node --version), node-zookeeper-client 1.1.3"
echo "$seen"
[ "$seen" = "version 1, required 0: setData BAD_VERSION, transaction check done, transaction setData done, transaction remove done
version 1, required 5: setData BAD_VERSION, transaction check BAD_VERSION, transaction setData BAD_VERSION, transaction remove BAD_VERSION" ] || { echo "changed"; exit 1; }
echo "as described"
