#!/usr/bin/env bash
# sendmessage sends a message for a child process to the main thread, when it is called in a worker thread.
#
# A good engineer would guess that the message goes to the process that is the first argument, wherever the call is made. Seen
# with sendmessage 3.0.2: in a worker thread every message goes to the parent of the thread, unless the first argument
# is a thread or a port. The child gets nothing, and there is no error. The same call in the main thread reaches the child.
#
# Why it matters: egg and its relatives pass their messages with it, and start agents and workers as processes or as threads. A
# process that is started from a thread waits for a message for ever, and the main thread gets one that is not meant for it.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error sendmessage@3.0.2

cat >main.js <<'JS'
const { fork } = require('node:child_process');
const { once } = require('node:events');
const { isMainThread, parentPort, Worker } = require('node:worker_threads');
const { sendmessage } = require('sendmessage');

/** What a child hears until it is told by `child.send` that nothing more follows. */
async function heardByChild() {
  const child = fork(__filename);
  sendmessage(child, 'by sendmessage');
  child.send('end');
  const [heard] = await once(child, 'message');
  return heard;
}

async function main() {
  console.log(`main thread: the child hears ${await heardByChild()}`);
  const thread = new Worker(__filename);
  const messages = [];
  thread.on('message', (message) => messages.push(message));
  await once(thread, 'exit');
  console.log(`worker thread: the child hears ${messages.pop()}; the main thread hears ${messages.join(', ') || 'nothing'}`);
}

if (process.send) {
  const heard = [];
  process.on('message', (message) => {
    if (message !== 'end') return heard.push(message);
    process.send(heard.join(', ') || 'nothing', () => process.disconnect());
  });
} else if (isMainThread) {
  void main();
} else {
  void heardByChild().then((heard) => parentPort.postMessage(heard));
}
JS
seen=$(timeout 30 node main.js)
echo "Node.js $(node --version), sendmessage 3.0.2"
echo "$seen"
[ "$seen" = 'main thread: the child hears by sendmessage
worker thread: the child hears nothing; the main thread hears by sendmessage' ] || { echo "changed"; exit 1; }
echo "as described"
