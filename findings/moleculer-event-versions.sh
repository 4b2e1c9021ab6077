#!/usr/bin/env bash
# Two versions of a moleculer service in one process share their listeners, and one of them hears no event, not even a broadcast.
#
# A good engineer would guess that `v1.users` and `v2.users`, whose actions are told apart by the version, are two services for events
# too, so that each hears an emitted event once. Seen with moleculer 0.14.36: the group of a listener is the name of the
# service without its version, and of two listeners of a group in one process the one that was created last hears everything.
#
# Why it matters: versions are there to run old and new side by side while callers move. The old one stops hearing events at the moment
# that the new one appears, without an error. Give the listener of each version a `group` of its own.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error moleculer@0.14.36

cat >main.js <<'JS'
const { ServiceBroker } = require('moleculer');

async function report(groupOf) {
  const heard = [];
  const broker = new ServiceBroker({ logger: false });
  for (const version of [1, 2]) {
    const handler = () => heard.push(`v${version}.users`);
    broker.createService({ name: 'users', version, events: { 'order.paid': { group: groupOf(version), handler } } });
  }
  broker.createService({ name: 'mail', events: { 'order.paid': () => heard.push('mail') } });
  await broker.start();
  const all = [];
  for (const way of ['emit', 'emit', 'broadcast']) {
    await broker[way]('order.paid', {});
    all.push(`${way} ${heard.splice(0).sort().join(' and ')}`);
  }
  await broker.stop();
  return all.join('; ');
}

void (async () => {
  console.log(`default: ${await report(() => undefined)}`);
  console.log(`groups: ${await report((version) => `v${version}.users`)}`);
})();
JS
seen=$(timeout 30 node main.js)
echo "Node.js $(node --version), moleculer 0.14.36"
echo "$seen"
[ "$seen" = 'default: emit mail and v2.users; emit mail and v2.users; broadcast mail and v2.users
groups: emit mail and v1.users and v2.users; emit mail and v1.users and v2.users; broadcast mail and v1.users and v2.users' ] || {
  echo "changed"
  exit 1
}
echo "as described"
