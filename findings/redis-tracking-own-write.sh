#!/usr/bin/env bash
# With CLIENT TRACKING a connection is told of its own write after the reply, with BCAST after the replies of the whole pipeline.
#
# A good engineer would guess that the push message precedes the OK of the SET that caused it, so that a write that has been
# answered is no longer in the local cache. Seen with Redis 7.0.15 and RESP3: the message follows the OK. In broadcasting mode it
# follows the replies to everything that was read from the connection at once, so the OK of a SET and the reply to a later GET too.
#
# Why it matters: a process with a local cache that writes, waits for the reply and reads from the cache can get what it has
# just overwritten. In broadcasting mode it also drops what the later GET has fetched. Drop the key from the cache before the
# command is sent, and again when the message comes.
set -euo pipefail

if ! command -v redis-server >/dev/null; then
  echo "skipped: redis-server is not installed"
  exit 0
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

cat >main.js <<'JS'
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const net = require('node:net');

const path = `${__dirname}/redis.sock`;
const server = spawn('redis-server', ['--port', '0', '--unixsocket', path, '--save', '', '--appendonly', 'no'], { stdio: 'ignore' });
process.on('exit', () => server.kill('SIGKILL'));

async function connect() {
  for (;;) {
    const socket = net.connect(path);
    try {
      await once(socket, 'connect');
      return socket;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20)); // The server may need a moment to start.
    }
  }
}

async function main() {
  for (const mode of ['', ' BCAST']) {
    const socket = (await connect()).setEncoding('latin1');
    let received = '';
    socket.on('data', (data) => (received += data));
    /** Sends commands in one piece, and returns what has arrived when a PING that is sent after the last reply is answered. */
    const send = async (lastReply, ...commands) => {
      received = '';
      socket.write(commands.map((command) => `${command}\r\n`).join(''));
      while (!received.includes(lastReply)) await once(socket, 'data');
      socket.write('PING\r\n');
      while (!received.includes('+PONG')) await once(socket, 'data');
      return received;
    };
    await send('modules', 'HELLO 3');
    await send('+OK', 'SET key old');
    await send('+OK', `CLIENT TRACKING ON${mode}`);
    await send('old', 'GET key');
    const answer = await send('\r\nvalue', 'SET key value', 'GET key');
    const order = answer.match(/\+OK|invalidate|\r\nvalue/g).map((part) => part.replace('+', '').replace('\r\nvalue', 'value'));
    console.log(`CLIENT TRACKING ON${mode}; SET and GET: ${order.join(', ')}`);
    socket.destroy();
  }
  process.exit();
}
void main();
JS
seen=$(timeout 30 node main.js)
echo "Node.js $(node --version), $(redis-server --version | cut -d' ' -f1-3)"
echo "$seen"
[ "$seen" = 'CLIENT TRACKING ON; SET and GET: OK, invalidate, value
CLIENT TRACKING ON BCAST; SET and GET: OK, value, invalidate' ] || { echo "changed"; exit 1; }
echo "as described"
