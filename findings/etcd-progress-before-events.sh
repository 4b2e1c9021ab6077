#!/usr/bin/env bash
# etcd answers a request for progress on a watch with a revision whose events have not been sent yet.
#
# A good engineer would guess that the answer comes after all events up to its revision, so that a watch may be resumed from there: a
# stream is in order, and that is what a note of progress is for. Seen with etcd 3.4.23, through its JSON gateway: a watch that begins at
# an old revision and has 3,000 events to catch up with gets the answer before the first of them, in 20 of 20 tries.
#
# Why it matters: a client that resumes from the revision of such an answer loses events. Resume from the last event, and take the answer for
# a sign of life only.
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
const http = require('node:http');
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
  };
  const etcd = spawn('etcd', Object.entries(flags).flatMap(([name, value]) => [`--${name}`, value]), { stdio: 'ignore' });
  process.on('exit', () => etcd.kill('SIGKILL'));
  await until(() => fetch(`${url}/health`).then((answer) => answer.ok, () => false));
  return url;
}
/** Watches from a revision on, asks for progress in the same moment, and returns the revisions of the answer and of the last event before it. */
function progressOf(url, fromRevision) {
  return new Promise((resolve) => {
    const request = http.request(`${url}/v3/watch`, { method: 'POST', headers: { connection: 'close' }, agent: false });
    request.once('response', (response) => {
      let text = '';
      let lastEvent = 0;
      response.setEncoding('utf8').on('data', (chunk) => {
        text += chunk;
        const lines = text.split('\n');
        text = lines.pop();
        for (const { result } of lines.map((line) => JSON.parse(line))) {
          if (result.events) lastEvent = Number(result.events.at(-1).kv.mod_revision);
          if (result.watch_id !== '-1') continue;
          resolve({ progress: Number(result.header.revision), lastEvent });
          request.destroy();
        }
      });
    });
    request.on('error', () => undefined);
    request.write(JSON.stringify({ create_request: { key: base64('a'), start_revision: String(fromRevision) } }));
    request.write(JSON.stringify({ progress_request: {} }));
  });
}

async function main() {
  const url = await startEtcd();
  const put = async (value) => {
    const answer = await fetch(`${url}/v3/kv/put`, { method: 'POST', body: JSON.stringify({ key: base64('a'), value }) });
    return Number((await answer.json()).header.revision);
  };
  const first = await put(base64('first'));
  const value = Buffer.alloc(1_000).toString('base64');
  for (let i = 0; i < 3_000; i++) await put(value);
  let early = 0;
  for (let i = 0; i < 10; i++) {
    const { progress, lastEvent } = await progressOf(url, first);
    if (lastEvent < progress) early++;
  }
  console.log(`answered before the events up to its revision: ${early > 0 ? 'yes' : 'never'}`);
  process.exit();
}
void main();
JS
seen=$(timeout 60 node main.js)
echo "Node.js $(node --version), $(etcd --version | head -n 1)"
echo "$seen"
[ "$seen" = 'answered before the events up to its revision: yes' ] || { echo "changed"; exit 1; }
echo "as described"
