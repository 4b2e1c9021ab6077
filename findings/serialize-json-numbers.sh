#!/usr/bin/env bash
# serialize-json turns an invalid Date into half a minute past midnight of 1 January 1970, and the largest number into Infinity.
#
# A good engineer would guess that numbers come back as they were, as they do with JSON, and that an invalid date becomes null or
# stays invalid. Seen with serialize-json 1.0.3: dates and integers are written in base 36, where the text 'NAN' is the number
# 30191; and integers above 2^53 are read back with rounding errors, 1e21 as 1.0000000000000001e+21 and Number.MAX_VALUE as Infinity.
#
# Why it matters: cluster-client writes the arguments and results of followers with it by default. A missing date that was
# parsed (`new Date(undefined)`) becomes a valid one, for which no check in the leader can see that it is wrong; a limit of
# Number.MAX_VALUE does not compare equal any more. Send dates and large integers as strings.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error serialize-json@1.0.3

cat >main.js <<'JS'
const { decode, encode } = require('serialize-json');

const transfer = (value) => decode(encode({ value })).value;

console.log(`invalid Date: ${transfer(new Date(NaN)).toISOString()}`);
console.log(`valid Date: ${transfer(new Date('1969-07-20T20:17:40.000Z')).toISOString()}`);
for (const value of [Number.MAX_SAFE_INTEGER, 1e21, 0.1, Number.MAX_VALUE]) console.log(`${value}: ${transfer(value)}`);
JS
seen=$(node main.js)
echo "Node.js $(node --version), serialize-json 1.0.3"
echo "$seen"
[ "$seen" = 'invalid Date: 1970-01-01T00:00:30.191Z
valid Date: 1969-07-20T20:17:40.000Z
9007199254740991: 9007199254740991
1e+21: 1.0000000000000001e+21
0.1: 0.1
1.7976931348623157e+308: Infinity' ] || { echo "changed"; exit 1; }
echo "as described"
