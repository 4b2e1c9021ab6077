#!/usr/bin/env bash
# A chokidar watcher of one file with `followSymlinks: false` reports its neighbours when the file is a link, and not the file.
#
# A good engineer would guess that events of a watcher of one path carry this path. Seen with chokidar 6.0.0 and a folder as
# Kubernetes mounts a ConfigMap (`app.yaml` links to `..data/app.yaml`, and `..data` to a folder that is replaced): a replacement is
# reported as `add` of `..data` and of another file of the folder, and never as `change` of `app.yaml`. With `followSymlinks: true`,
# the default, it is a `change` of `app.yaml`.
#
# Why it matters: a program that loads whatever path the event has loads a file that it was not told to watch; one that waits for
# `change` keeps its old configuration.
set -euo pipefail

if [ "$(uname -s)" != Linux ]; then
  echo "skipped: the events of this system differ"
  exit 0
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error chokidar@6.0.0

cat >main.mjs <<'JS'
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { relative } from 'node:path';
import { watch } from 'chokidar';

const folder = `${process.cwd()}/config`;
/** Puts a new version in place as the kubelet does. */
function replace(version, previous) {
  mkdirSync(`${folder}/..${version}`, { recursive: true });
  for (const name of ['app.yaml', 'other.yaml']) writeFileSync(`${folder}/..${version}/${name}`, version);
  symlinkSync(`..${version}`, `${folder}/..data_tmp`);
  renameSync(`${folder}/..data_tmp`, `${folder}/..data`);
  if (previous) rmSync(`${folder}/..${previous}`, { recursive: true });
}
replace('v1');
for (const name of ['app.yaml', 'other.yaml']) symlinkSync(`..data/${name}`, `${folder}/${name}`);

const events = { true: new Set(), false: new Set() };
for (const followSymlinks of [true, false]) {
  const watcher = watch(`${folder}/app.yaml`, { followSymlinks, ignoreInitial: true });
  watcher.on('all', (event, path) => events[followSymlinks].add(`${event} ${relative(folder, path)}`));
  await once(watcher, 'ready');
}
replace('v2', 'v1');
while (events.true.size < 1 || events.false.size < 2) await new Promise((resolve) => setTimeout(resolve, 20));
for (const [followSymlinks, seen] of Object.entries(events)) console.log(`followSymlinks ${followSymlinks}: ${[...seen].sort().join(', ')}`);
process.exit();
JS
seen=$(timeout 30 node main.mjs)
echo "Node.js $(node --version), chokidar 6.0.0"
echo "$seen"
[ "$seen" = 'followSymlinks true: change app.yaml
followSymlinks false: add ..data, add other.yaml' ] || { echo "changed"; exit 1; }
echo "as described"
