#!/usr/bin/env bash
# At maxmemory a script of Redis may write as much as it likes, if its first write is one that frees memory or changes none.
#
# A good engineer would guess that maxmemory with the policy noeviction refuses SET, HSET and ZADD wherever they stand, or the whole
# script. Seen with Redis 7.0.15: `EVAL` with SET in it is refused, as SET alone is. The same script with a DEL of a key or a PEXPIRE
# before the SET is executed to its end, and a loop of SETs puts another 10 MB into a server that is over its limit. Redis looks
# at the limit only until the script has written something. A script that begins with the line `#!lua` is refused before it begins.
#
# Why it matters: whether a script is refused at maxmemory depends on the order of its commands. One that first removes an old entry and then
# writes a new one goes on filling the server, and a try whether writes work must stand before all other writes of a script.
set -euo pipefail

if ! command -v redis-server >/dev/null; then
  echo "skipped: redis-server is not installed"
  exit 0
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error ioredis@6.0.0

cat >main.js <<'JS'
const { spawn } = require('node:child_process');
const { Redis } = require('ioredis');

const path = `${__dirname}/redis.sock`;
const settings = ['--port', '0', '--unixsocket', path, '--save', '', '--appendonly', 'no'];
const server = spawn('redis-server', settings, { stdio: 'ignore' });
process.on('exit', () => server.kill('SIGKILL'));

const FILL = `for index = 1, 10 do redis.call('SET', 'fill:' .. index, string.rep('x', 1024 * 1024)) end return 'done'`;

async function main() {
  const redis = new Redis({ path, retryStrategy: () => 50, maxRetriesPerRequest: null });
  redis.on('error', () => {}); // The server may need a moment to start.
  await redis.mset('old', 'value', 'timed', 'value');
  await redis.config('SET', 'maxmemory', '1');
  const tried = async (name, run) => {
    const outcome = await run().then(String, (error) => error.message.split(' ')[0]);
    const keys = await redis.eval(`return #redis.call('KEYS', 'fill:*')`, 0);
    console.log(`${name}: ${outcome}, keys of 1 MB: ${keys}`);
    await redis.eval(`for index = 1, 10 do redis.call('DEL', 'fill:' .. index) end`, 0);
  };
  await tried('SET', () => redis.set('fill:1', 'x'));
  await tried('script that sets', () => redis.eval(FILL, 0));
  await tried('script that deletes a key, then sets', () => redis.eval(`redis.call('DEL', 'old') ${FILL}`, 0));
  await tried('script that sets a time to live, then sets', () => redis.eval(`redis.call('PEXPIRE', 'timed', 60000) ${FILL}`, 0));
  await redis.config('SET', 'maxmemory', '0');
  await redis.set('old', 'value');
  await redis.config('SET', 'maxmemory', '1');
  await tried('script with #!lua that deletes a key, then sets', () => redis.eval(`#!lua\nredis.call('DEL', 'old') ${FILL}`, 0));
  process.exit();
}
void main();
JS
seen=$(timeout 60 node main.js)
echo "Node.js $(node --version), $(redis-server --version | cut -d' ' -f1-3), ioredis 6.0.0"
echo "$seen"
[ "$seen" = 'SET: OOM, keys of 1 MB: 0
script that sets: OOM, keys of 1 MB: 0
script that deletes a key, then sets: done, keys of 1 MB: 10
script that sets a time to live, then sets: done, keys of 1 MB: 10
script with #!lua that deletes a key, then sets: OOM, keys of 1 MB: 0' ] || { echo "changed"; exit 1; }
echo "as described"
