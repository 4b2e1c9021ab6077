#!/usr/bin/env bash
# The second call of `close()` of an sdk-base 5 object resolves at once, while the first is still closing.
#
# A good engineer would guess that every caller of `close()` waits for the same end, as with sdk-base 4. Seen with sdk-base 5.0.1:
# only the first call waits for `_close()`; `isClosed` is true and later calls resolve from the moment that the first one begins.
#
# Why it matters: a shared client is closed by the framework and by its owner, both at the end of the process. The one that
# comes second goes on to `process.exit()` before the connection has said goodbye. Keep the promise of the first call.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error sdk-base-4@npm:sdk-base@4.2.1 sdk-base-5@npm:sdk-base@5.0.1

cat >main.js <<'JS'
const versions = { '4.2.1': require('sdk-base-4'), '5.0.1': require('sdk-base-5').Base };

void (async () => {
  for (const [version, Base] of Object.entries(versions)) {
    const log = [];
    class Client extends Base {
      async _close() {
        await new Promise((resolve) => setTimeout(resolve, 100));
        log.push('closed');
      }
    }
    const client = new Client();
    const first = client.close();
    await client.close();
    log.push('second call resolved');
    await first;
    console.log(`sdk-base ${version}: ${log.join(', ')}`);
  }
})();
JS
seen=$(timeout 30 node main.js)
echo "Node.js $(node --version)"
echo "$seen"
[ "$seen" = 'sdk-base 4.2.1: closed, second call resolved
sdk-base 5.0.1: second call resolved, closed' ] || { echo "changed"; exit 1; }
echo "as described"
