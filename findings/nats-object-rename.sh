#!/usr/bin/env bash
# A watch of a NATS object store hears of the new name of a renamed object, and nothing about the old one.
#
# A good engineer would guess that the old name is reported as deleted, as it is when an object is deleted. Seen with @nats-io/obj
# 3.4.0 and nats-server 2.9.10: `update('old', { name: 'new' })` removes the entry of the old name without a marker, and the watch
# reports `new` alone. `info('old')` is null afterwards.
#
# Why it matters: a process that keeps a list of objects by a watch keeps the old name for ever, and serves it to others. Compare
# with `list()` from time to time, or put the object anew and delete the old one.
set -euo pipefail

if ! command -v nats-server >/dev/null; then
  echo "skipped: nats-server is not installed"
  exit 0
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error @nats-io/obj@3.4.0 @nats-io/transport-node@3.4.0

cat >main.js <<'JS'
const { spawn } = require('node:child_process');
const { readFileSync } = require('node:fs');
const { connect } = require('@nats-io/transport-node');
const { Objm } = require('@nats-io/obj');

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
  const store = await new Objm(await connect({ servers: await startServer() })).create('store');
  const watch = await store.watch();
  for (const name of ['old', 'gone']) await store.putBlob({ name }, Buffer.from('content'));
  await store.update('old', { name: 'new' });
  await store.delete('gone');
  await store.putBlob({ name: 'end' }, Buffer.from('content'));
  const seen = [];
  for await (const entry of watch) {
    if (entry?.name === 'end') break;
    if (entry) seen.push(`${entry.name}${entry.deleted ? ' deleted' : ''}`);
  }
  console.log(`watch: ${seen.join(', ')}`);
  console.log(`list: ${(await store.list()).map(({ name }) => name).join(', ')}`);
  process.exit();
}
void main();
JS
seen=$(timeout 60 node main.js)
echo "Node.js $(node --version), @nats-io/obj 3.4.0, $(nats-server --version)"
echo "$seen"
[ "$seen" = 'watch: old, gone, new, gone deleted
list: new, end' ] || { echo "changed"; exit 1; }
echo "as described"
