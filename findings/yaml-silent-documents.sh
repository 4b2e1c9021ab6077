#!/usr/bin/env bash
# With `logLevel: 'silent'` the package yaml takes the first of several documents and says nothing, in `errors` neither.
#
# A good engineer would guess that a log level decides what is printed: `parseDocument()` prints nothing anyhow and gives its errors as a
# list. Seen with yaml 2.9.1 and a text of two documents: with `logLevel: 'silent'` the list is empty and the value is that of the first
# document; with `error` and with the default the list has the error. Another error, a key that comes twice, is in the list with every
# level. (`parse()` throws neither error with `silent`; the documentation of the option speaks of this function.)
#
# Why it matters: a program that asks for silence, because it reports errors itself, loses all documents but the first of a file.
set -euo pipefail

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
cd "$dir"
npm init -y >/dev/null
npm install --no-audit --no-fund --loglevel=error yaml@2.9.1

cat >parse.cjs <<'JS'
const { parse, parseDocument } = require('yaml');

const TEXTS = { 'two documents': 'name: one\n---\nname: two\n', 'a key twice': 'name: one\nname: two\n' };
for (const [what, text] of Object.entries(TEXTS)) {
  for (const logLevel of ['silent', 'error', 'warn']) {
    const codes = parseDocument(text, { logLevel }).errors.map(({ code }) => code);
    let parsed;
    try {
      parsed = JSON.stringify(parse(text, { logLevel }));
    } catch {
      parsed = 'throws';
    }
    console.log(`${what}, ${logLevel}: errors [${codes}], parse ${parsed}`);
  }
}
JS
seen=$(node parse.cjs)
echo "yaml 2.9.1"
echo "$seen"
[ "$seen" = 'two documents, silent: errors [], parse {"name":"one"}
two documents, error: errors [MULTIPLE_DOCS], parse throws
two documents, warn: errors [MULTIPLE_DOCS], parse throws
a key twice, silent: errors [DUPLICATE_KEY], parse {"name":"two"}
a key twice, error: errors [DUPLICATE_KEY], parse throws
a key twice, warn: errors [DUPLICATE_KEY], parse throws' ] || { echo "changed"; exit 1; }
echo "as described"
