#!/usr/bin/env bash
# The last of the values that exist when a watch of @nats-io/kv begins is marked as an update.
#
# A good engineer would guess that `isUpdate` is false for the values that were there before the watch, and true for what changes
# afterwards. Seen with @nats-io/kv 3.4.0 and nats-server 2.9.10: the last one of them has `isUpdate: true`. With one key
# in the bucket, or a watch of one key, its only initial value is an "update".
#
# Why it matters: `isUpdate` took the place of `initializedFn` of `nats` 2, which was called after the initial values (and for
# an empty bucket, where there is no sign now). A follower that applies a change only when it is an update, since it has
# read the bucket before, handles one old value a second time at every start.
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
  for (const count of [1, 3]) {
    const bucket = await kvm.create(`keys-${count}`);
    for (let i = 1; i <= count; i++) await bucket.put(`old-${i}`, 'value');
    const seen = [];
    for await (const { key, isUpdate } of await bucket.watch()) {
      seen.push(`${key} ${isUpdate}`);
      if (seen.length === count) await bucket.put('new', 'value');
      if (key === 'new') break;
    }
    console.log(`isUpdate: ${seen.join(', ')}`);
  }
  process.exit();
}
void main();
JS
seen=$(timeout 60 node main.js)
echo "Node.js $(node --version), @nats-io/kv 3.4.0, $(nats-server --version)"
echo "$seen"
[ "$seen" = 'isUpdate: old-1 true, new true
isUpdate: old-1 false, old-2 false, old-3 true, new true' ] || { echo "changed"; exit 1; }
echo "as described"
