#!/usr/bin/env bash
# `await(event)` of sdk-base 5 rejects when any `error` is emitted meanwhile; that of sdk-base 4 waited on.
#
# A good engineer would guess that waiting for an event ends with that event, as it did up to version 4, whose errors go to the
# listeners of `error` alone. Seen with sdk-base 5.0.1: an error event that has nothing to do with the wait, for which there is
# a listener, rejects the promise. Version 5 waits with `once` of node:events, which does so by design.
#
# Why it matters: a client waits for its first value (`await client.await('change')`) while its connection is made. One failed
# attempt that it reports and repeats used to delay the start; now it fails it.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error sdk-base-4@npm:sdk-base@4.2.1 sdk-base-5@npm:sdk-base@5.0.1

cat >main.js <<'JS'
const versions = { '4.2.1': require('sdk-base-4'), '5.0.1': require('sdk-base-5').Base };

void (async () => {
  for (const [version, Base] of Object.entries(versions)) {
    const client = new Base();
    client.on('error', () => {});
    const waiting = client.await('change').then(
      (value) => `resolves with ${value}`,
      (error) => `rejects with ${error.message}`,
    );
    client.emit('error', new Error('first attempt failed'));
    client.emit('change', 'value');
    console.log(`sdk-base ${version}: await('change') ${await waiting}`);
  }
})();
JS
seen=$(timeout 30 node main.js)
echo "Node.js $(node --version)"
echo "$seen"
[ "$seen" = "sdk-base 4.2.1: await('change') resolves with value
sdk-base 5.0.1: await('change') rejects with first attempt failed" ] || { echo "changed"; exit 1; }
echo "as described"
