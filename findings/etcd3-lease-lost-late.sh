#!/usr/bin/env bash
# A leader that uses etcd3 and is cut from etcd goes on for twice the lifetime of its lease, while the next one leads already.
#
# A good engineer would guess that a lease, a lock or a campaign reports its loss when the lifetime has passed without an answer, which
# the client can tell by its own clock. Seen with etcd3 1.1.2 and etcd 3.4.23: etcd drops the lease after its lifetime and
# the next candidate is elected. The client reports `lost`, and its campaign an `error`, only after twice the lifetime.
#
# Why it matters: two leaders at a time, for as long as the lease lives, with every cut. Measure the time since the last
# `keepaliveSucceeded` of a lease of your own, and stop leading when it is longer than the lifetime.
set -euo pipefail

if ! command -v etcd >/dev/null; then
  echo "skipped: etcd is not installed"
  exit 0
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error etcd3@1.1.2

cat >main.js <<'JS'
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const net = require('node:net');
const { Etcd3 } = require('etcd3');

async function freePort() {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return port;
}

async function until(condition) {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20));
}

/** Starts a server of its own and returns its address. */
async function startEtcd() {
  const [url, peerUrl] = [`http://127.0.0.1:${await freePort()}`, `http://127.0.0.1:${await freePort()}`];
  const flags = {
    'data-dir': `${__dirname}/data`,
    'listen-client-urls': url,
    'advertise-client-urls': url,
    'listen-peer-urls': peerUrl,
    'initial-advertise-peer-urls': peerUrl,
    'initial-cluster': `default=${peerUrl}`,
  };
  const etcd = spawn('etcd', Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]), { stdio: 'ignore' });
  process.on('exit', () => etcd.kill('SIGKILL'));
  await until(() => fetch(`${url}/health`).then((answer) => answer.ok, () => false));
  return url;
}

/** Passes bytes on to etcd; refuses them while it is cut. */
class Relay {
  #sockets = new Set();
  #cut = false;
  #server;

  async start(target) {
    this.#server = net.createServer((socket) => {
      if (this.#cut) return socket.destroy();
      const upstream = net.connect(target, '127.0.0.1');
      for (const [from, to] of [[socket, upstream], [upstream, socket]]) {
        this.#sockets.add(from);
        from.on('error', () => {}).on('close', () => this.#sockets.delete(from) && to.destroy());
        from.pipe(to);
      }
    });
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
    return this.#server.address().port;
  }

  cut() {
    this.#cut = true;
    for (const socket of this.#sockets) socket.destroy();
  }
}

async function main() {
  const url = await startEtcd();
  const relay = new Relay();
  const first = new Etcd3({ hosts: `http://127.0.0.1:${await relay.start(new URL(url).port)}` });
  const second = new Etcd3({ hosts: url });
  const TTL = 4; // In seconds.

  const leader = first.election('leader', TTL).campaign('first');
  await leader.wait();
  console.log('first is elected');
  const next = second.election('leader', TTL).campaign('second');
  const elected = next.wait().then(() => console.log('second is elected'));
  const lost = once(leader, 'error');
  leader.on('error', () => console.log('first reports its loss'));
  await next.getCampaignKey();
  relay.cut();
  console.log('first is cut');
  await Promise.all([elected, lost]);
  process.exit();
}
void main();
JS
seen=$(timeout 60 node main.js)
echo "Node.js $(node --version), etcd3 1.1.2, $(etcd --version | head -n 1)"
echo "$seen"
[ "$seen" = 'first is elected
first is cut
second is elected
first reports its loss' ] || { echo "changed"; exit 1; }
echo "as described"
