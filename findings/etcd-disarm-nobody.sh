#!/usr/bin/env bash
# etcd answers 200 to the disarming of an alarm that names no member, and disarms nothing.
#
# A good engineer would guess that `DEACTIVATE` of `NOSPACE` without a member disarms the alarm of all members, or is refused. Seen with
# etcd 3.4.23, through its JSON gateway: the answer is 200 and empty, the alarm stays, and writes are refused as before. With the member of
# the alarm the answer lists the alarm, and the alarm is gone. (`etcdctl alarm disarm` asks for all alarms first.)
#
# Why it matters: after compaction and defragmentation a program that disarms so believes that etcd takes writes again. Ask for the alarms,
# disarm each with its member, and ask again.
set -euo pipefail

if ! command -v etcd >/dev/null; then
  echo "skipped: etcd is not installed"
  exit 0
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"

cat >main.js <<'JS'
const { spawn } = require('node:child_process');
const { once } = require('node:events');
const net = require('node:net');

const base64 = (text) => Buffer.from(text).toString('base64');

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

/** Starts a server of its own, and returns its address. */
async function startEtcd() {
  const [url, peerUrl] = [`http://127.0.0.1:${await freePort()}`, `http://127.0.0.1:${await freePort()}`];
  const flags = {
    'data-dir': `${__dirname}/data`,
    'listen-client-urls': url,
    'advertise-client-urls': url,
    'listen-peer-urls': peerUrl,
    'initial-advertise-peer-urls': peerUrl,
    'initial-cluster': `default=${peerUrl}`,
    'quota-backend-bytes': String(2 ** 20),
  };
  const etcd = spawn('etcd', Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]), { stdio: 'ignore' });
  process.on('exit', () => etcd.kill('SIGKILL'));
  await until(() => fetch(`${url}/health`).then((answer) => answer.ok, () => false));
  return url;
}
async function main() {
  const url = await startEtcd();
  const ask = async (path, body) => {
    const answer = await fetch(`${url}/v3/${path}`, { method: 'POST', body: JSON.stringify(body) });
    return { status: answer.status, ...(await answer.json()) };
  };
  const write = () => ask('kv/put', { key: base64('a'), value: Buffer.alloc(2 ** 18).toString('base64') });
  await until(async () => (await write()).status !== 200);
  const { header } = await ask('kv/deleterange', { key: base64('a') });
  await ask('kv/compaction', { revision: header.revision, physical: true });
  await ask('maintenance/defragment', {});
  const disarm = async (member) => {
    const { status } = await ask('maintenance/alarm', { action: 'DEACTIVATE', alarm: 'NOSPACE', ...member });
    const { alarms = [] } = await ask('maintenance/alarm', { action: 'GET' });
    return `status ${status}, then ${alarms.length} alarm, and a write has status ${(await write()).status}`;
  };
  const [{ memberID }] = (await ask('maintenance/alarm', { action: 'GET' })).alarms;
  console.log(`without a member: ${await disarm({})}`);
  console.log(`with the member: ${await disarm({ memberID })}`);
  process.exit();
}
void main();
JS
seen=$(timeout 60 node main.js)
echo "Node.js $(node --version), $(etcd --version | head -n 1)"
echo "$seen"
[ "$seen" = 'without a member: status 200, then 1 alarm, and a write has status 429
with the member: status 200, then 0 alarm, and a write has status 200' ] || { echo "changed"; exit 1; }
echo "as described"
