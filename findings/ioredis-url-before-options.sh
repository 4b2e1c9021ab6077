#!/usr/bin/env bash
# ioredis prefers what stands in the URL to the options beside the URL, and takes settings from the query of the URL as texts.
#
# A good engineer would guess that options that are given as a second argument count more than the URL before them, as in most clients.
# Seen with ioredis 6.0.0: in `new Redis(url, options)` password, database and any setting in the query of the URL win, `lazyConnect`
# and `keyPrefix` included. Settings of the query stay texts, so `?lazyConnect=false` means true. With two objects the first wins.
#
# Why it matters: a URL comes from the environment, often with an old password or a query for another client, and code that sets an
# option to be safe from that is silently not heard. Take the URL apart, and give ioredis one object.
set -euo pipefail

if ! command -v redis-server >/dev/null; then
  echo "skipped: redis-server is not installed"
  exit 0
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error ioredis@6.0.0

cat >main.js <<'JS'
const { spawn } = require('node:child_process');
const net = require('node:net');
const { Redis } = require('ioredis');

async function main() {
  const free = net.createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => free.once('listening', resolve));
  const { port } = free.address();
  await new Promise((resolve) => free.close(resolve));
  const settings = ['--port', `${port}`, '--bind', '127.0.0.1', '--requirepass', 'right', '--save', '', '--appendonly', 'no'];
  const server = spawn('redis-server', settings, { stdio: 'ignore' });
  process.on('exit', () => server.kill('SIGKILL'));
  const admin = new Redis({ port, password: 'right', retryStrategy: () => 50, maxRetriesPerRequest: null });
  admin.on('error', () => {}); // The server may need a moment to start.
  await admin.ping();

  const connected = async (name, redis) => {
    const outcome = await new Promise((resolve) => {
      redis.on('ready', async () => {
        await redis.set('key', 'value');
        const [, db] = /db=(\d+)/.exec(await redis.client('INFO'));
        resolve(`connected, database ${db}`);
      });
      redis.on('error', (error) => resolve(error.message.split(' ')[0]));
      if (redis.status === 'wait') redis.connect().catch(() => {});
    });
    redis.disconnect();
    console.log(`${name}: ${outcome}`);
  };
  const at = `127.0.0.1:${port}`;
  const once = { retryStrategy: null };
  await connected('options right, URL old', new Redis(`redis://:old@${at}`, { ...once, password: 'right' }));
  await connected('options 5, URL 2', new Redis(`redis://:right@${at}/2`, { ...once, db: 5 }));
  await connected('URL ?keyPrefix=query:, options', new Redis(`redis://:right@${at}/7?keyPrefix=query:`, { ...once, keyPrefix: '' }));
  await admin.select(7);
  console.log(`the key: ${await admin.keys('*')}`);
  const lazy = new Redis(`redis://:right@${at}?lazyConnect=false`, { ...once });
  console.log(`?lazyConnect=false: ${lazy.status}`);
  process.exit();
}
void main();
JS
seen=$(timeout 60 node main.js)
echo "Node.js $(node --version), ioredis 6.0.0, $(redis-server --version | cut -d' ' -f1-3)"
echo "$seen"
[ "$seen" = 'options right, URL old: WRONGPASS
options 5, URL 2: connected, database 2
URL ?keyPrefix=query:, options: connected, database 7
the key: query:key
?lazyConnect=false: wait' ] || { echo "changed"; exit 1; }
echo "as described"
