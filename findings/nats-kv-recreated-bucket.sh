#!/usr/bin/env bash
# A watch of @nats-io/kv is silent for a minute and a half after its bucket was deleted and made anew; one of `nats` 2 for ten seconds.
#
# A good engineer would guess that the watch ends or fails when its bucket is deleted, or that it goes on as soon as there is a
# bucket of that name again, and that the newer client is no slower. Seen with nats 2.29.3, @nats-io/kv 3.4.0 and nats-server
# 2.9.10: neither gives a sign. The watch of `nats` hears of writes again after 10 s, that of @nats-io/kv after 90 s.
#
# Why it matters: buckets are made anew when their settings change. All processes that follow the bucket keep old values
# meanwhile, with a connection that works and a watch that looks well.
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

/** Collects what a watch reports. */
async function follow(bucket) {
  const seen = { values: [], ended: false };
  const watch = await bucket.watch();
  void (async () => {
    for await (const entry of watch) seen.values.push(entry.string());
    seen.ended = true;
  })();
  return seen;
}

async function until(condition) {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 100));
}

async function main() {
  const servers = await startServer();
  const kvm = new Kvm(await connect({ servers }));
  const bucket = await kvm.create('bucket');
  await bucket.put('key', 'before');
  const older = await follow(await (await nats.connect({ servers })).jetstream().views.kv('bucket'));
  const newer = await follow(bucket);
  await until(() => older.values.length > 0 && newer.values.length > 0);

  const other = new Kvm(await connect({ servers }));
  await (await other.open('bucket')).destroy();
  const anew = await other.create('bucket');
  await until(async () => {
    await anew.put('key', 'after');
    return older.values.includes('after');
  });
  for (const [name, { values, ended }] of Object.entries({ 'nats 2.29.3': older, '@nats-io/kv 3.4.0': newer })) {
    console.log(`${name}: ${[...new Set(values)].join(', ')}${ended ? '; ended' : ''}`);
  }
  process.exit();
}
void main();
JS
seen=$(timeout 60 node main.js)
echo "Node.js $(node --version), @nats-io/kv 3.4.0, $(nats-server --version)"
echo "$seen"
[ "$seen" = 'nats 2.29.3: before, after
@nats-io/kv 3.4.0: before' ] || { echo "changed"; exit 1; }
echo "as described"
