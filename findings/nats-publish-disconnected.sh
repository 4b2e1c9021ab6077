#!/usr/bin/env bash
# NATS clients for Node.js take messages that are published while the connection is cut, and lose them without an error.
#
# A good engineer would guess that they are kept and sent after the reconnection, as the clients for other languages do and as the
# documentation of NATS describes, or that `publish` throws. Seen with nats 2.29.3, @nats-io/transport-node 3.4.0 and nats-server
# 2.9.10: `publish` returns, and each attempt to reconnect first empties the buffer. A request is lost too and ends with its timeout.
#
# Why it matters: a process that announces a change during a short cut believes that it did. Watch `status()`, and announce again
# after `reconnect`; or publish with JetStream, which answers.
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
const { once } = require('node:events');
const { readFileSync } = require('node:fs');
const net = require('node:net');
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

/** Passes bytes on to a server until it is cut, and refuses connections then. */
async function startRelay(target) {
  const sockets = new Set();
  const relay = { cut: false, port: 0 };
  const server = net.createServer((socket) => {
    if (relay.cut) return socket.destroy();
    const upstream = net.connect(target.port, target.hostname);
    for (const [from, to] of [[socket, upstream], [upstream, socket]]) {
      sockets.add(from);
      from.on('error', () => {}).on('close', () => to.destroy());
      from.pipe(to);
    }
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  relay.port = server.address().port;
  relay.drop = () => {
    relay.cut = true;
    for (const socket of sockets) socket.destroy();
  };
  return relay;
}

async function main() {
  const servers = await startServer();
  const relay = await startRelay(new URL(servers));
  for (const [name, { connect }] of Object.entries(clients)) {
    const direct = await connect({ servers });
    const client = await connect({ servers: `127.0.0.1:${relay.port}`, reconnectTimeWait: 50, maxReconnectAttempts: -1 });
    const states = [];
    void (async () => {
      for await (const { type } of client.status()) states.push(type);
    })();
    const reached = async (state) => {
      while (!states.includes(state)) await new Promise((resolve) => setTimeout(resolve, 5));
    };
    const heard = [];
    const subscription = direct.subscribe('>', { callback: (error, message) => heard.push(message.subject) });
    await direct.flush();

    client.publish('before');
    await client.flush();
    relay.drop();
    await reached('disconnect');
    client.publish('meanwhile');
    relay.cut = false;
    await reached('reconnect');
    client.publish('after');
    while (!heard.includes('after')) await new Promise((resolve) => setTimeout(resolve, 5));
    console.log(`${name}: heard ${heard.filter((subject) => !subject.startsWith('_')).join(', ')}`);
    subscription.unsubscribe();
    await client.close();
  }
  process.exit();
}
void main();
JS
seen=$(timeout 60 node main.js)
echo "Node.js $(node --version), $(nats-server --version)"
echo "$seen"
[ "$seen" = 'nats 2.29.3: heard before, after
@nats-io/transport-node 3.4.0: heard before, after' ] || { echo "changed"; exit 1; }
echo "as described"
