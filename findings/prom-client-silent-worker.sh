#!/usr/bin/env bash
# In a cluster, a worker that only makes metrics with prom-client does not answer when its primary gathers them.
#
# A good engineer would guess that loading prom-client in a worker is enough, and that `AggregatorRegistry` is needed only in the
# primary, which is the process that aggregates. Seen with prom-client 15.1.3: the listener for the primary's question
# is installed by the constructor of `AggregatorRegistry`, so every worker has to construct one that it never uses.
# One worker without it makes `clusterMetrics()` of the whole cluster fail after 5 s with 'Operation timed out.'.
#
# Why it matters: a host with a shared connection has processes of several kinds, and the metrics of the connection are in one
# of them. One kind that forgot the constructor hides the metrics of all others.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error prom-client@15.1.3

cat >main.js <<'JS'
const cluster = require('node:cluster');
const { once } = require('node:events');
const { AggregatorRegistry, Counter } = require('prom-client');

async function gather(kinds) {
  const workers = kinds.map((kind) => cluster.fork({ KIND: kind }));
  await Promise.all(workers.map((worker) => once(worker, 'message')));
  const seen = await new AggregatorRegistry().clusterMetrics().then(
    (text) => text.match(/^jobs .*/m)?.[0] ?? 'no metric',
    (error) => error.message,
  );
  const gone = workers.map((worker) => once(worker, 'exit'));
  for (const worker of workers) worker.kill();
  await Promise.all(gone);
  return seen;
}

if (cluster.isPrimary) {
  void (async () => {
    console.log(`both workers construct an AggregatorRegistry: ${await gather(['aggregator', 'aggregator'])}`);
    console.log(`one of them does not: ${await gather(['aggregator', 'plain'])}`);
  })();
} else {
  if (process.env.KIND === 'aggregator') new AggregatorRegistry();
  new Counter({ name: 'jobs', help: 'jobs' }).inc();
  process.send('up');
}
JS
seen=$(timeout 30 node main.js)
echo "Node.js $(node --version), prom-client 15.1.3"
echo "$seen"
[ "$seen" = 'both workers construct an AggregatorRegistry: jobs 2
one of them does not: Operation timed out.' ] || { echo "changed"; exit 1; }
echo "as described"
