#!/usr/bin/env bash
# `pm2 reload` stops cluster processes with SIGINT though `shutdown_with_message` is set; `restart` and `stop` send the message.
#
# A good engineer would guess that the option, which replaces the signal by the message 'shutdown', holds for every way in
# which PM2 stops a process. Seen with pm2 7.0.4: a process in cluster mode gets the message at `restart` and `stop`, and the
# signal at `reload`, the one command that is there to lose no request.
#
# Why it matters: a program that set the option has its orderly end in the message, and often none for SIGINT. With each reload it
# is cut off in the middle of its requests. Handle both.
set -euo pipefail

dir=$(mktemp -d)
export PM2_HOME="$dir/pm2"
cd "$dir"
trap '"$dir/node_modules/.bin/pm2" kill >/dev/null 2>&1; rm -rf "$dir"' EXIT
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error pm2@7.0.4

cat >app.js <<'JS'
const { appendFileSync } = require('node:fs');

function end(reason) {
  appendFileSync(`${__dirname}/log`, `${reason}\n`);
  process.exit();
}
process.on('message', (message) => message === 'shutdown' && end("message 'shutdown'"));
process.on('SIGINT', () => end('SIGINT'));
setInterval(() => {}, 60_000);
JS
cat >ecosystem.config.js <<'JS'
module.exports = { apps: [{ name: 'app', script: './app.js', exec_mode: 'cluster', instances: 1, shutdown_with_message: true }] };
JS
touch log
npx pm2 start ecosystem.config.js >/dev/null
for command in restart reload stop; do
  lines=$(wc -l <log)
  npx pm2 "$command" app >/dev/null
  for _ in $(seq 100); do
    [ "$(wc -l <log)" -gt "$lines" ] && break
    sleep 0.1
  done
  echo "pm2 $command: $(tail -n +$((lines + 1)) log)" >>seen
done
seen=$(cat seen)
echo "Node.js $(node --version), pm2 7.0.4"
echo "$seen"
[ "$seen" = "pm2 restart: message 'shutdown'
pm2 reload: SIGINT
pm2 stop: message 'shutdown'" ] || { echo "changed"; exit 1; }
echo "as described"
