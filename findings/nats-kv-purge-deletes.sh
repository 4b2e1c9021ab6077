#!/usr/bin/env bash
# `purgeDeletes()` of @nats-io/kv deletes keys that were deleted once and exist again, if the bucket keeps a history.
#
# A good engineer would guess that it removes the markers of deleted keys, as the method of `nats` 2 does, and leaves every
# key that `keys()` lists. Seen with @nats-io/kv 3.4.0 and nats-server 2.9.10: it looks for markers in the history instead of the
# last values, and purges the whole subject of each marker that is old enough, the value that was written later included. A
# bucket with a history of one value is not affected.
#
# Why it matters: the method is what keeps a bucket small whose keys come and go, such as the members of a group. A member that
# left and came back disappears when another process tidies up, without an error and without an event for watchers.
set -euo pipefail

if ! command -v nats-server >/dev/null; then
  echo "skipped: nats-server is not installed"
  exit 0
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error @nats-io/kv@3.4.0 @nats-io/transport-node@3.4.0 nats@2.29.3

cat >main.js <<'JS'
const { spawn } = require('node:child_process');
const { readFileSync } = require('node:fs');
const { connect } = require('@nats-io/transport-node');
const { Kvm } = require('@nats-io/kv');
const nats = require('nats');

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

/** Deletes a key, writes it again, removes the markers, and says which keys are left. */
async function keysAfter(bucket) {
  await bucket.put('came-back', 'first');
  await bucket.delete('came-back');
  await bucket.put('came-back', 'second');
  await bucket.put('gone', 'value');
  await bucket.delete('gone');
  await new Promise((resolve) => setTimeout(resolve, 20)); // Markers that are younger than the age below are left.
  await bucket.purgeDeletes(1);
  const keys = [];
  for await (const key of await bucket.keys()) keys.push(key);
  return keys.join(', ') || 'none';
}

async function main() {
  const servers = await startServer();
  const old = await nats.connect({ servers });
  const kvm = new Kvm(await connect({ servers }));
  for (const history of [1, 5]) {
    const older = await old.jetstream().views.kv(`old-${history}`, { history });
    const newer = await kvm.create(`new-${history}`, { history });
    console.log(`history ${history}, nats 2.29.3: keys ${await keysAfter(older)}`);
    console.log(`history ${history}, @nats-io/kv 3.4.0: keys ${await keysAfter(newer)}`);
  }
  process.exit();
}
void main();
JS
seen=$(timeout 60 node main.js)
echo "Node.js $(node --version), @nats-io/kv 3.4.0, $(nats-server --version)"
echo "$seen"
[ "$seen" = 'history 1, nats 2.29.3: keys came-back
history 1, @nats-io/kv 3.4.0: keys came-back
history 5, nats 2.29.3: keys came-back
history 5, @nats-io/kv 3.4.0: keys none' ] || { echo "changed"; exit 1; }
echo "as described"
