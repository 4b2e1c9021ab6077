#!/usr/bin/env bash
# sdk-base 5 has two `Base` classes in one process: one for `require`, one for `import`.
#
# A good engineer would guess that the class is the same one, as both come from a single installed package. Seen
# with sdk-base 5.0.1: `require('sdk-base').Base` and `import { Base } from 'sdk-base'` are different classes from two builds,
# and an object of a class that extends one is no `instanceof` the other.
#
# Why it matters: a client is typically written in one module system and shared by a framework written in the other. The
# check `client instanceof Base` is then false for a right client; look for `ready()` and the other methods instead.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error sdk-base@5.0.1

cat >client.cjs <<'JS'
const { Base } = require('sdk-base');
class Client extends Base {}
module.exports = { Base, Client };
JS
cat >main.mjs <<'JS'
import { Base } from 'sdk-base';
import required from './client.cjs';
const client = new required.Client({});
console.log(`one class ${Base === required.Base}, instanceof ${client instanceof Base}, names ${Base.name} ${required.Base.name}`);
JS
seen=$(node main.mjs)
echo "Node.js $(node --version), sdk-base 5.0.1: $seen"
[ "$seen" = 'one class false, instanceof false, names Base Base' ] || { echo "changed"; exit 1; }
echo "as described"
