#!/usr/bin/env bash
# Watchpack reports a file as removed that exists, when a link on the way to the file was swapped.
#
# A good engineer would guess that a watched file that has a new content after the swap is reported as changed. Seen with watchpack 2.6.4,
# `followSymlinks: true` and a folder as Kubernetes mounts a ConfigMap (`app.yaml` links to `..data/app.yaml`, and `..data` to a folder that
# is replaced and then deleted): the first swap is reported as a change and then as a removal, and `aggregated` has the file among the
# removed ones only. No later event takes that back, though the file was there all the time. The second swap is reported as a change.
# With `followSymlinks: false`, the default, no swap is reported, because the link itself is the same.
#
# Why it matters: a program that trusts `aggregated` drops its configuration at the first change.
set -euo pipefail

if [ "$(uname -s)" != Linux ]; then
  echo "skipped: the events of this system differ"
  exit 0
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error watchpack@2.6.4

cat >watch.cjs <<'JS'
const { existsSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } = require('node:fs');
const { setTimeout: sleep } = require('node:timers/promises');
const Watchpack = require('watchpack');

/** Puts a new version in place as the kubelet does. */
function replace(folder, version, previous) {
  mkdirSync(`${folder}/..${version}`, { recursive: true });
  writeFileSync(`${folder}/..${version}/app.yaml`, version);
  symlinkSync(`..${version}`, `${folder}/..data_tmp`);
  renameSync(`${folder}/..data_tmp`, `${folder}/..data`);
  if (previous) rmSync(`${folder}/..${previous}`, { recursive: true });
}

async function run(followSymlinks) {
  const folder = `${process.cwd()}/config-${followSymlinks}`;
  replace(folder, 'v1');
  symlinkSync('..data/app.yaml', `${folder}/app.yaml`);
  await sleep(3_000); // older than the accuracy of any file system
  const watcher = new Watchpack({ followSymlinks, aggregateTimeout: 100 });
  let told = [];
  watcher.on('aggregated', (changes, removals) => told.push(`${changes.size} changed, ${removals.size} removed`));
  watcher.watch({ files: [`${folder}/app.yaml`], startTime: Date.now() });
  await sleep(1_000);
  for (const [version, previous] of [
    ['v2', 'v1'],
    ['v3', 'v2'],
  ]) {
    told = [];
    replace(folder, version, previous);
    await sleep(2_000);
    const there = existsSync(`${folder}/app.yaml`) ? 'there' : 'missing';
    console.log(`followSymlinks ${followSymlinks}, ${version}: ${told.join('; ') || 'nothing'}; the file is ${there}`);
  }
  watcher.close();
}

run(true).then(() => run(false)).then(() => process.exit());
JS
seen=$(timeout 60 node watch.cjs)
echo "Node.js $(node --version), watchpack 2.6.4"
echo "$seen"
[ "$seen" = 'followSymlinks true, v2: 0 changed, 1 removed; the file is there
followSymlinks true, v3: 1 changed, 0 removed; the file is there
followSymlinks false, v2: nothing; the file is there
followSymlinks false, v3: nothing; the file is there' ] || { echo "changed"; exit 1; }
echo "as described"
