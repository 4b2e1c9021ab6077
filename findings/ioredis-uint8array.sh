#!/usr/bin/env bash
# ioredis writes a Uint8Array as its decimal text, so a Buffer that has crossed a worker thread is stored as '104,105'.
#
# A good engineer would guess that every Uint8Array is written as bytes, as a Buffer is, or is refused. Seen with ioredis 6.0.0:
# `set('key', Uint8Array.of(104, 105))` stores the seven characters `104,105`, and reports success. Two right things
# meet here: a Buffer that is posted to or from a worker thread arrives as a plain Uint8Array, so code that gives ioredis a
# Buffer works until its caller moves into a thread. (A child process with `serialization: 'advanced'` keeps the Buffer.)
#
# Why it matters: a connection that threads and processes share gets its arguments by message. The process that owns the connection
# has to make a Buffer of them: `Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)`.
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
const { once } = require('node:events');
const { Worker } = require('node:worker_threads');
const { Redis } = require('ioredis');

const path = `${__dirname}/redis.sock`;
const server = spawn('redis-server', ['--port', '0', '--unixsocket', path, '--save', '', '--appendonly', 'no'], { stdio: 'ignore' });
process.on('exit', () => server.kill('SIGKILL'));

async function main() {
  const redis = new Redis({ path, retryStrategy: () => 50, maxRetriesPerRequest: null });
  redis.on('error', () => {}); // The server may need a moment to start.
  const text = async (value) => `${await redis.set('key', value)} ${await redis.get('key')}`;
  const thread = new Worker(`require('node:worker_threads').parentPort.postMessage(Buffer.from('hi'))`, { eval: true });
  const [posted] = await once(thread, 'message');
  console.log(`Buffer: ${await text(Buffer.from('hi'))}`);
  console.log(`Buffer from a thread (${posted.constructor.name}): ${await text(posted)}`);
  process.exit();
}
void main();
JS
seen=$(timeout 30 node main.js)
echo "Node.js $(node --version), ioredis 6.0.0, $(redis-server --version | cut -d' ' -f1-3)"
echo "$seen"
[ "$seen" = 'Buffer: OK hi
Buffer from a thread (Uint8Array): OK 104,105' ] || { echo "changed"; exit 1; }
echo "as described"
