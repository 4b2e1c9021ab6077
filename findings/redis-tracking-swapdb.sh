#!/usr/bin/env bash
# SWAPDB changes every key at once, and a connection with CLIENT TRACKING is not told of any.
#
# A good engineer would guess that it is told to drop everything, as it is for FLUSHDB, or the keys it has read. Seen with Redis
# 7.0.15: after SWAPDB 0 1 a key that the connection has read has another value, and no message comes. Keyspace
# notifications do not report SWAPDB either.
#
# Why it matters: SWAPDB is how a data set that was loaded aside is put in place. Processes with a local cache keep the old data
# set, unless the program that swaps tells them on a channel of its own.
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
const { Redis } = require('ioredis');

const path = `${__dirname}/redis.sock`;
const flags = { port: '0', unixsocket: path, save: '', appendonly: 'no', 'notify-keyspace-events': 'KEA' };
const server = spawn('redis-server', Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]), { stdio: 'ignore' });
process.on('exit', () => server.kill('SIGKILL'));

async function main() {
  const connect = (db) => new Redis({ path, db, protocol: 2, retryStrategy: () => 50, maxRetriesPerRequest: null }).on('error', () => {});
  const [reader, writer, messages] = [connect(0), connect(0), connect(0)];
  let heard = [];
  messages.on('message', (channel, keys) => heard.push(channel === 'end' ? 'end' : `drop ${keys || 'everything'}`));
  messages.on('pmessage', (pattern, channel, event) => heard.push(`notification ${event}`));
  const id = await messages.client('ID');
  await messages.subscribe('__redis__:invalidate', 'end');
  await messages.psubscribe('__keyspace@*');
  /** Names what is heard up to a message that is published after the command. */
  const report = async (name, command) => {
    heard = [];
    await command();
    await writer.publish('end', '');
    while (!heard.includes('end')) await new Promise((resolve) => setTimeout(resolve, 5));
    console.log(`${name}: ${heard.slice(0, -1).join(', ') || 'nothing'}`);
  };

  await writer.set('key', 'old');
  await connect(1).set('key', 'new');
  await reader.client('TRACKING', 'ON', 'REDIRECT', id);
  await report(`GET key, '${await reader.get('key')}'; SWAPDB 0 1`, () => writer.call('SWAPDB', '0', '1'));
  await report(`GET key, '${await reader.get('key')}'; SET key`, () => writer.set('key', 'newer'));
  await report(`GET key, '${await reader.get('key')}'; FLUSHDB`, () => writer.flushdb());
  process.exit();
}
void main();
JS
seen=$(timeout 30 node main.js)
echo "Node.js $(node --version), ioredis 6.0.0, $(redis-server --version | cut -d' ' -f1-3)"
echo "$seen"
[ "$seen" = "GET key, 'old'; SWAPDB 0 1: nothing
GET key, 'new'; SET key: drop key, notification set
GET key, 'newer'; FLUSHDB: drop everything" ] || { echo "changed"; exit 1; }
echo "as described"
