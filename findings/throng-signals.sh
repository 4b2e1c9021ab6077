#!/usr/bin/env bash
# The option `signals` of throng does not take SIGINT away: the given list is laid over the default one, place by place.
#
# A good engineer would guess that `signals: ['SIGUSR2']` means this signal alone, and that an empty list means none. Seen with
# throng 5.0.0: options and defaults are merged deeply, arrays too, so of the defaults `['SIGTERM', 'SIGINT']` those
# stay whose place the list does not fill. `['SIGUSR2']` is `['SIGUSR2', 'SIGINT']`, and `[]` is both defaults.
#
# Why it matters: a program that answers SIGINT itself, or that leaves it to the terminal as development tools do, is shut down
# by throng as well. A list of two signals is taken as it is.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error throng@5.0.0

cat >main.js <<'JS'
const throng = require('throng');

const signals = JSON.parse(process.argv[2]);
const master = () => {
  const watched = ['SIGTERM', 'SIGINT', 'SIGUSR2', 'SIGHUP'].filter((signal) => process.listenerCount(signal) > 0);
  console.log(`${JSON.stringify(signals)}: listens for ${watched.join(', ')}`);
};
void throng({ count: 0, signals, master, worker: () => {} });
JS
seen=$(for signals in '["SIGUSR2"]' '[]' '["SIGUSR2","SIGHUP"]'; do node main.js "$signals"; done)
echo "Node.js $(node --version), throng 5.0.0"
echo "$seen"
[ "$seen" = '["SIGUSR2"]: listens for SIGINT, SIGUSR2
[]: listens for SIGTERM, SIGINT
["SIGUSR2","SIGHUP"]: listens for SIGUSR2, SIGHUP' ] || { echo "changed"; exit 1; }
echo "as described"
