#!/usr/bin/env bash
# A watch with `ignoreDeletes` skips keys that were deleted, but not keys that were purged, in `nats` 2 and @nats-io/kv 3 alike.
#
# A good engineer would guess that no removal of a key is reported, as the option of the same name in the Go client does: purging
# is deleting together with the history. Seen with nats 2.29.3, @nats-io/kv 3.4.0 and nats-server 2.9.10: a purged key arrives
# as an entry with the operation PURGE and an empty value.
#
# Why it matters: code that asks to see no deletions does not look at `operation`, and takes the empty value of a purged key
# for a value that somebody wrote. A check for the operation is needed with the option too.
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

async function report(bucket) {
  const watch = await bucket.watch({ ignoreDeletes: true });
  await bucket.put('a', 'value');
  await bucket.delete('a');
  await bucket.put('b', 'value');
  await bucket.purge('b');
  await bucket.put('end', 'value');
  const seen = [];
  for await (const { key, operation, value } of watch) {
    if (key === 'end') break;
    seen.push(`${operation} ${key} of ${value.length} bytes`);
  }
  return seen.join(', ');
}

async function main() {
  const servers = await startServer();
  const old = await nats.connect({ servers });
  const kvm = new Kvm(await connect({ servers }));
  console.log(`nats 2.29.3: ${await report(await old.jetstream().views.kv('old'))}`);
  console.log(`@nats-io/kv 3.4.0: ${await report(await kvm.create('new'))}`);
  process.exit();
}
void main();
JS
seen=$(timeout 60 node main.js)
echo "Node.js $(node --version), @nats-io/kv 3.4.0, $(nats-server --version)"
echo "$seen"
[ "$seen" = 'nats 2.29.3: PUT a of 5 bytes, PUT b of 5 bytes, PURGE b of 0 bytes
@nats-io/kv 3.4.0: PUT a of 5 bytes, PUT b of 5 bytes, PURGE b of 0 bytes' ] || { echo "changed"; exit 1; }
echo "as described"
