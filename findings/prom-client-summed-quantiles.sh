#!/usr/bin/env bash
# prom-client adds up the quantiles of a Summary when it aggregates the metrics of several workers.
#
# A good engineer would guess that quantiles, which have no meaning as a sum, are averaged or left out. The documentation says
# that the percentiles of the event loop lag are averaged, and that metrics of the user are summed by default. Seen
# with prom-client 15.1.3: this holds for quantiles too, so four workers whose calls all take 100 ms report a median of 400 ms.
# A `Summary` takes an `aggregator`, but it applies to the sum and the count as well. A `Histogram` aggregates rightly.
#
# Why it matters: the time of a call over the shared connection is measured in every process and looked at for the host. The
# value then grows with the number of workers.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error prom-client@15.1.3

cat >main.js <<'JS'
const { AggregatorRegistry, Registry, Summary } = require('prom-client');

const WORKERS = 4;

/** Metrics as a worker sends them to its primary. */
function workerMetrics(options) {
  const registry = new Registry();
  const calls = new Summary({ name: 'calls', help: 'duration of calls', percentiles: [0.5], registers: [registry], ...options });
  for (let i = 0; i < 10; i++) calls.observe(100);
  return registry.getMetricsAsJSON();
}

async function report(options) {
  const each = await Promise.all(Array.from({ length: WORKERS }, () => workerMetrics(options)));
  const text = await AggregatorRegistry.aggregate(each).metrics();
  const valueOf = (name) => text.split('\n').find((line) => line.startsWith(`${name} `))?.slice(name.length + 1);
  return `median ${valueOf('calls{quantile="0.5"}')}, count ${valueOf('calls_count')}`;
}

void (async () => {
  console.log(`default: ${await report({})}`);
  console.log(`aggregator average: ${await report({ aggregator: 'average' })}`);
})();
JS
seen=$(node main.js)
echo "Node.js $(node --version), prom-client 15.1.3, 4 workers with 10 calls of 100 ms each"
echo "$seen"
[ "$seen" = 'default: median 400, count 40
aggregator average: median 100, count 10' ] || { echo "changed"; exit 1; }
echo "as described"
