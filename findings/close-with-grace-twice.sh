#!/usr/bin/env bash
# Two handlers of close-with-grace run at the same time, and the one that ends first ends the process.
#
# A good engineer would guess that the process ends when every handler has, as the library waits for the promise of each: a
# second installation is accepted without a warning. Seen with close-with-grace 2.5.0: the first promise that is fulfilled exits with
# code 0, and the slower handler is cut off.
#
# Why it matters: a framework installs one for its server, the application another one for a shared connection. Which of them gets to
# its end is a matter of milliseconds, and the exit code says that all is well. Install it once.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error close-with-grace@2.5.0

cat >main.js <<'JS'
const closeWithGrace = require('close-with-grace');

const install = (name, ms) => {
  closeWithGrace({ delay: 20_000 }, async () => {
    console.log(`${name}: begins`);
    await new Promise((resolve) => setTimeout(resolve, ms));
    console.log(`${name}: ends`);
  });
};
install('slow', 10_000);
install('fast', 10);
setInterval(() => {}, 60_000);
setImmediate(() => process.kill(process.pid, 'SIGTERM'));
JS
seen=$(timeout 30 node main.js; echo "exit code $?")
echo "Node.js $(node --version), close-with-grace 2.5.0"
echo "$seen"
[ "$seen" = 'slow: begins
fast: begins
fast: ends
exit code 0' ] || { echo "changed"; exit 1; }
echo "as described"
