#!/usr/bin/env bash
# `disconnect()` of an ioredis client that has ended already keeps the process alive for two seconds.
#
# A good engineer would guess that it does nothing: the connection is closed, and `status` is `end`. Seen with ioredis 6.0.0: a timer of
# `disconnectTimeout` ms (2000 by default) is started to destroy the socket, and is stopped by the socket's `close` event only, which has
# been. The same after `quit()`, after a `disconnect()`, and where the server could not be reached and `retryStrategy` is null.
#
# Why it matters: code that closes "to be sure", in a `finally` or after each test, delays the end of every process by two seconds; test
# runners report an open handle. Look at `status` first.
set -euo pipefail

if ! command -v redis-server >/dev/null; then
  echo "skipped: redis-server is not installed"
  exit 0
fi
dir=$(mktemp -d)
trap 'rm -rf "$dir"; [ -z "${server:-}" ] || kill "$server" 2>/dev/null || true' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error ioredis@6.0.0
redis-server --port 0 --unixsocket "$dir/redis.sock" --save '' --appendonly no >/dev/null &
server=$!
for _ in $(seq 100); do [ -S "$dir/redis.sock" ] && break; sleep 0.1; done

cat >main.js <<'JS'
const { Redis } = require('ioredis');

async function main() {
  const redis = new Redis({ path: `${__dirname}/${process.argv[2]}`, retryStrategy: null, lazyConnect: true });
  redis.on('error', () => {});
  const ended = new Promise((resolve) => redis.once('end', resolve));
  await redis.connect().then(() => redis.quit(), () => {});
  await ended;
  const from = performance.now();
  process.on('exit', () => console.log(performance.now() - from > 1_000 ? 'two seconds later' : 'at once'));
  if (process.argv[3] === 'again') redis.disconnect();
}
void main();
JS
seen=$(
  for socket in redis.sock none.sock; do
    for how in '' again; do
      echo "$socket ${how:-alone}: the process ends $(timeout 30 node main.js "$socket" "$how")"
    done
  done
)
echo "Node.js $(node --version), ioredis 6.0.0, $(redis-server --version | cut -d' ' -f1-3)"
echo "$seen"
[ "$seen" = 'redis.sock alone: the process ends at once
redis.sock again: the process ends two seconds later
none.sock alone: the process ends at once
none.sock again: the process ends two seconds later' ] || { echo "changed"; exit 1; }
echo "as described"
