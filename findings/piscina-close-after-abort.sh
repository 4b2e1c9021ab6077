#!/usr/bin/env bash
# `close()` of piscina rejects a waiting task, which it is there to complete, if a task was aborted just before.
#
# A good engineer would guess that closing completes every task that was accepted: this is what tells `close()` from `destroy()`.
# Seen with piscina 5.3.2: an aborted task takes its thread with it, and a task that waits for the next thread
# is rejected with 'Terminating worker thread' when the pool is closed. Without an abort, running and waiting tasks are completed.
#
# Why it matters: requests that run out of time are aborted, often several at the end of a process, and the work that was accepted
# behind them is lost by an orderly end. Try a task again that fails with this error, or close when the pool is idle.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error piscina@5.3.2

cat >task.js <<'JS'
module.exports = () => new Promise((resolve) => setTimeout(resolve, 200, 'completed'));
JS
cat >main.js <<'JS'
const { Piscina } = require('piscina');

async function report(abort) {
  const pool = new Piscina({ filename: `${__dirname}/task.js`, minThreads: 1, maxThreads: 1 });
  await pool.run();
  const controller = new AbortController();
  const first = pool.run(undefined, { signal: controller.signal }).catch(() => {});
  if (abort) {
    controller.abort();
    await first;
  }
  const second = pool.run().catch((error) => error.message);
  await pool.close();
  return second;
}

void (async () => {
  console.log(`one task before it: ${await report(false)}`);
  console.log(`one aborted task before it: ${await report(true)}`);
})();
JS
seen=$(timeout 30 node main.js)
echo "Node.js $(node --version), piscina 5.3.2"
echo "$seen"
[ "$seen" = 'one task before it: completed
one aborted task before it: Terminating worker thread' ] || { echo "changed"; exit 1; }
echo "as described"
