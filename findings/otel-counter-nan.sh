#!/usr/bin/env bash
# One NaN makes a counter of OpenTelemetry NaN for the rest of the process, while a negative number is refused.
#
# A good engineer would guess that what is not a number is dropped with a warning, as a negative number is. Seen with
# @opentelemetry/sdk-metrics 3.1.1: `add(NaN)` is taken, and every later sum is NaN. The histogram beside it leaves NaN out of
# its count, and its sum stays right.
#
# Why it matters: durations and sizes come from differences with a time or a header that may be missing. One such call spoils the
# counter of the process until its restart, and the sum over all processes with it. Check with `Number.isFinite` before.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error @opentelemetry/sdk-metrics@3.1.1 @opentelemetry/api@1.10.0

cat >main.js <<'JS'
const { AggregationTemporality, InMemoryMetricExporter, MeterProvider, PeriodicExportingMetricReader } = require('@opentelemetry/sdk-metrics');

void (async () => {
  const exporter = new InMemoryMetricExporter(AggregationTemporality.CUMULATIVE);
  const provider = new MeterProvider({ readers: [new PeriodicExportingMetricReader({ exporter, exportIntervalMillis: 3_600_000 })] });
  const meter = provider.getMeter('meter');
  const counter = meter.createCounter('calls');
  const histogram = meter.createHistogram('durations');
  for (const value of [1, -1, NaN, 1]) {
    counter.add(value);
    histogram.record(value);
    await provider.forceFlush();
    const metrics = exporter.getMetrics().at(-1).scopeMetrics[0].metrics;
    const { count, sum } = metrics[1].dataPoints[0].value;
    console.log(`after ${value}: counter ${metrics[0].dataPoints[0].value}; histogram ${count} values, sum ${sum}`);
  }
  await provider.shutdown();
})();
JS
seen=$(timeout 30 node main.js)
echo "Node.js $(node --version), @opentelemetry/sdk-metrics 3.1.1"
echo "$seen"
[ "$seen" = 'after 1: counter 1; histogram 1 values, sum 1
after -1: counter 1; histogram 1 values, sum 1
after NaN: counter NaN; histogram 1 values, sum 1
after 1: counter NaN; histogram 2 values, sum 2' ] || { echo "changed"; exit 1; }
echo "as described"
