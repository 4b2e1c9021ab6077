#!/usr/bin/env bash
# @nats-io/kv takes the lifetime of a key on a server that is too old for lifetimes, and the key never expires.
#
# A good engineer would guess that `create(key, value, '1s')` and `markerTTL` fail on nats-server 2.9, as a watch of several keys
# does there ('filter_subjects' requires server 2.10.0): the client knows the version of its server. Seen with
# @nats-io/kv 3.4.0 and nats-server 2.9.10: both succeed. The server stores the lifetime as one more header and does nothing with it. A
# key of a bucket whose own `ttl` is a second expires as it should.
#
# Why it matters: a key with a lifetime is how a process says that it leads. On the older server the key of a process that was
# killed stays, and nobody can lead again until someone deletes it.
set -euo pipefail

if ! command -v nats-server >/dev/null; then
  echo "skipped: nats-server is not installed"
  exit 0
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error @nats-io/kv@3.4.0 @nats-io/transport-node@3.4.0

cat >main.js <<'JS'
const { spawn } = require('node:child_process');
const { readFileSync } = require('node:fs');
const { connect } = require('@nats-io/transport-node');
const { Kvm } = require('@nats-io/kv');

/** Starts a server of its own with JetStream and returns its address. */
async function startServer() {
  const flags = ['-a', '127.0.0.1', '-p', '-1', '-js', '-sd', __dirname, '--ports_file_dir', __dirname];
  const server = spawn('nats-server', flags, { stdio: 'ignore' });
  process.on('exit', () => server.kill('SIGKILL'));
  const file = `${__dirname}/nats-server_${server.pid}.ports`;
  for (;;) {
    try {
      return JSON.parse(readFileSync(file, 'utf8')).nats[0];
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20)); // The file is not there yet, or half of it.
    }
  }
}

async function main() {
  const kvm = new Kvm(await connect({ servers: await startServer() }));
  const keys = await kvm.create('keys', { markerTTL: 1000 });
  console.log('bucket with markerTTL: created');
  await keys.watch({ key: ['a', 'b'] }).catch((error) => console.log(`watch of two keys: ${error.message}`));

  await keys.create('leader', 'value', '1s');
  // Keys of this bucket live for two seconds, so the one above has to be gone before this one.
  const clock = await kvm.create('clock', { ttl: 2000 });
  await clock.create('leader', 'value');
  while (await clock.get('leader')) await new Promise((resolve) => setTimeout(resolve, 50));
  const entry = await keys.get('leader');
  console.log(`key with a lifetime of 1 s, when one of 2 s has expired: ${entry ? 'still there' : 'expired'}`);
  process.exit();
}
void main();
JS
seen=$(timeout 60 node main.js)
echo "Node.js $(node --version), @nats-io/kv 3.4.0, $(nats-server --version)"
echo "$seen"
[ "$seen" = "bucket with markerTTL: created
watch of two keys: 'filter_subjects' requires server 2.10.0
key with a lifetime of 1 s, when one of 2 s has expired: still there" ] || { echo "changed"; exit 1; }
echo "as described"
