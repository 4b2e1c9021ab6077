#!/usr/bin/env bash
# cluster-client turns a Uint8Array argument into a plain object on its way to the leader, but not in the leader itself.
#
# A good engineer would guess that bytes arrive as bytes, as a Buffer (which is a Uint8Array) does. Seen with
# cluster-client 3.7.0: an `echo` method that is called through a follower gets `{ '0': 1, '1': 2 }` for
# `Uint8Array.of(1, 2)`, without an error. The same call in the process that leads gets the Uint8Array.
#
# Why it matters: TextEncoder, Web Crypto, most protobuf libraries and messages between worker threads give a Uint8Array. The
# result depends on which process won the race for the port. `Buffer.from(bytes)` before the call avoids it.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error cluster-client@3.7.0 sdk-base@5.0.1

cat >client.js <<'JS'
const cluster = require('cluster-client');
const { Base } = require('sdk-base');

class Client extends Base {
  constructor(options) {
    super(options);
    this.ready(true);
  }
  async kindOf(value) {
    return value instanceof Uint8Array ? 'bytes' : JSON.stringify(value);
  }
}

/** Says what the one real client receives for a Uint8Array and for a Buffer. */
module.exports = async (port) => {
  const client = cluster(Client, { port: Number(port) }).delegate('kindOf').create();
  await client.ready();
  return `Uint8Array as ${await client.kindOf(Uint8Array.of(1, 2))}, Buffer as ${await client.kindOf(Buffer.of(1, 2))}`;
};
JS
cat >main.js <<'JS'
const { fork } = require('node:child_process');
const net = require('node:net');
const ask = require('./client.js');

if (process.send) {
  void ask(process.argv[2]).then((seen) => process.send(seen));
} else {
  const free = net.createServer().listen(0, '127.0.0.1', () => {
    const { port } = free.address();
    free.close(async () => {
      console.log(`leader:   ${await ask(port)}`);
      const follower = fork(__filename, [String(port)]);
      follower.once('message', (seen) => {
        console.log(`follower: ${seen}`);
        follower.once('exit', () => process.exit());
        follower.kill();
      });
    });
  });
}
JS
seen=$(timeout 30 node main.js)
echo "Node.js $(node --version), cluster-client 3.7.0"
echo "$seen"
[ "$seen" = 'leader:   Uint8Array as bytes, Buffer as bytes
follower: Uint8Array as {"0":1,"1":2}, Buffer as bytes' ] || { echo "changed"; exit 1; }
echo "as described"
