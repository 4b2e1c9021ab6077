#!/usr/bin/env bash
# ioredis 6 drops the messages of CLIENT TRACKING; the same code heard them with ioredis 5.
#
# A good engineer would guess that a subscription to `__redis__:invalidate` with CLIENT TRACKING ON REDIRECT, the way that the
# documentation of Redis describes, works as before, or that the messages arrive in some other form. Seen with ioredis 6.0.0
# and Redis 7.0.15: nothing arrives, neither there nor on the connection itself, and every command succeeds. Version 6 speaks
# RESP3 by default, in which Redis sends these messages as `invalidate` pushes; ioredis reads pushes of
# subscriptions only and forgets others. With `protocol: 2` the messages arrive.
#
# Why it matters: a local cache that lives on these messages is never invalidated after an update of the client, and no
# error says so. Test this path after the update, or set `protocol: 2` for the connection that listens.
set -euo pipefail

if ! command -v redis-server >/dev/null; then
  echo "skipped: redis-server is not installed"
  exit 0
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error ioredis-5@npm:ioredis@5.11.1 ioredis-6@npm:ioredis@6.0.0

cat >main.js <<'JS'
const { spawn } = require('node:child_process');

const path = `${__dirname}/redis.sock`;
const server = spawn('redis-server', ['--port', '0', '--unixsocket', path, '--save', '', '--appendonly', 'no'], { stdio: 'ignore' });
process.on('exit', () => server.kill('SIGKILL'));

async function heard({ Redis }, options) {
  const connect = () => new Redis({ path, retryStrategy: () => 50, maxRetriesPerRequest: null, ...options }).on('error', () => {});
  const [reader, writer, listener] = [connect(), connect(), connect()];
  const messages = [];
  listener.on('message', (channel, message) => messages.push(`${channel} ${message}`));
  const id = await listener.client('ID');
  await listener.subscribe('__redis__:invalidate', 'end');
  await reader.client('TRACKING', 'ON', 'REDIRECT', id);
  await reader.get('key');
  await writer.set('key', 'value');
  await writer.publish('end', '');
  while (messages.at(-1) !== 'end ') await new Promise((resolve) => setTimeout(resolve, 5));
  return messages.slice(0, -1).join(', ') || 'nothing';
}

async function main() {
  console.log(`ioredis 5.11.1: ${await heard(require('ioredis-5'))}`);
  console.log(`ioredis 6.0.0: ${await heard(require('ioredis-6'))}`);
  console.log(`ioredis 6.0.0, protocol 2: ${await heard(require('ioredis-6'), { protocol: 2 })}`);
  process.exit();
}
void main();
JS
seen=$(timeout 30 node main.js)
echo "Node.js $(node --version), $(redis-server --version | cut -d' ' -f1-3)"
echo "$seen"
[ "$seen" = 'ioredis 5.11.1: __redis__:invalidate key
ioredis 6.0.0: nothing
ioredis 6.0.0, protocol 2: __redis__:invalidate key' ] || { echo "changed"; exit 1; }
echo "as described"
