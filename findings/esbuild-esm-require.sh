#!/usr/bin/env bash
# CommonJS code in an ES module made by esbuild sees a `require` that looks whole, and a global `require` brings it to life.
#
# A good engineer would guess that `typeof require` tells bundled CommonJS code whether it can load a built-in module, and that
# only a banner with `createRequire` mends a bundle in which it cannot. Seen with esbuild 0.28.2, `--format=esm
# --platform=node`: `typeof require` is 'function' although calling it throws 'Dynamic require of … is not supported', and
# `require.resolve` is undefined. The stand-in looks for a global `require` again each time it is called, so an ES
# module that is imported earlier and assigns `globalThis.require` is enough.
#
# Why it matters: clients of registries and databases are mostly CommonJS and are often bundled into ES modules. A library that
# chooses its worker files or optional parts by `typeof require` chooses wrongly there.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error esbuild@0.28.2

cat >library.cjs <<'JS'
exports.describe = () => `typeof require ${typeof require}, typeof require.resolve ${typeof require.resolve}`;
exports.load = () => typeof require('node:util').inspect;
JS
cat >provide.mjs <<'JS'
import { createRequire } from 'node:module';
globalThis.require = createRequire(import.meta.url);
JS
cat >use.mjs <<'JS'
import library from './library.cjs';
let loaded;
try {
  loaded = library.load();
} catch (error) {
  loaded = /Dynamic require/.test(error.message) ? 'dynamic require refused' : error.message;
}
console.log(`${library.describe()}, load: ${loaded}`);
JS
printf "import './use.mjs';\n" >plain.mjs
printf "import './provide.mjs';\nimport './use.mjs';\n" >provided.mjs
for entry in plain provided; do
  npx esbuild "$entry.mjs" --bundle --format=esm --platform=node --log-level=error --outfile="out/$entry.mjs"
done
plain=$(node out/plain.mjs)
provided=$(node out/provided.mjs)
echo "Node.js $(node --version), esbuild $(npx esbuild --version)"
echo "bundle:                          $plain"
echo "with a global require set first: $provided"
[ "$plain" = 'typeof require function, typeof require.resolve undefined, load: dynamic require refused' ] || { echo "changed"; exit 1; }
[ "${provided##*, }" = 'load: function' ] || { echo "changed"; exit 1; }
echo "as described"
