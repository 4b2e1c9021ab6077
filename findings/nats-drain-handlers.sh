#!/usr/bin/env bash
# `drain()` of the NATS clients for Node.js closes the connection before asynchronous handlers have answered.
#
# A good engineer would guess that draining, which is there to lose nothing at the end, waits for the promises that handlers
# return. Seen with nats 2.29.3, @nats-io/transport-node 3.4.0 and nats-server 2.9.10: it waits until each handler has been
# called. An answer that follows an `await` in the handler finds a closed connection, and the request times out. It makes no
# difference whether the messages come to a callback or to a `for await` loop.
#
# Why it matters: a process that serves others over NATS drains when it is replaced. Count the handlers at work, unsubscribe by
# `subscription.drain()`, wait for them, and only then drain the connection.
set -euo pipefail

if ! command -v nats-server >/dev/null; then
  echo "skipped: nats-server is not installed"
  exit 0
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error @nats-io/transport-node@3.4.0 nats@2.29.3

cat >main.js <<'JS'
const { spawn } = require('node:child_process');
const { readFileSync } = require('node:fs');
const clients = { 'nats 2.29.3': require('nats'), '@nats-io/transport-node 3.4.0': require('@nats-io/transport-node') };

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

/** Answers after `work`, by a callback or by a loop. */
function serve(client, way, work) {
  const answer = async (message) => {
    await work();
    message.respond('done');
  };
  if (way === 'callback') return client.subscribe('work', { callback: (error, message) => answer(message).catch(() => {}) });
  const subscription = client.subscribe('work');
  void (async () => {
    for await (const message of subscription) await answer(message).catch(() => {});
  })();
  return subscription;
}

async function main() {
  const servers = await startServer();
  for (const [name, { connect }] of Object.entries(clients)) {
    for (const way of ['callback', 'loop']) {
      const [caller, server] = [await connect({ servers }), await connect({ servers })];
      let end;
      const ended = new Promise((resolve) => (end = resolve));
      let begun = false;
      serve(server, way, () => ((begun = true), ended));
      await server.flush();
      const reply = caller.request('work', '', { timeout: 3000 }).then((message) => message.string(), (error) => error.message);
      while (!begun) await new Promise((resolve) => setTimeout(resolve, 5));
      const drained = server.drain().then(() => 'drained');
      // The handler goes on when the connection is drained, or in two seconds if the drain waits for it.
      const first = await Promise.race([drained, new Promise((resolve) => setTimeout(resolve, 2000, 'still draining'))]);
      end();
      console.log(`${name}, ${way}: ${first} while the handler is at work; the request ends with ${(await reply).toLowerCase()}`);
    }
  }
  process.exit();
}
void main();
JS
seen=$(timeout 60 node main.js)
echo "Node.js $(node --version), $(nats-server --version)"
echo "$seen"
[ "$seen" = 'nats 2.29.3, callback: drained while the handler is at work; the request ends with timeout
nats 2.29.3, loop: drained while the handler is at work; the request ends with timeout
@nats-io/transport-node 3.4.0, callback: drained while the handler is at work; the request ends with timeout
@nats-io/transport-node 3.4.0, loop: drained while the handler is at work; the request ends with timeout' ] || { echo "changed"; exit 1; }
echo "as described"
