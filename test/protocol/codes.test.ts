// The table of codes in README.md names all codes of codes.ts and no others.

import fs from 'node:fs';
import path from 'node:path';
import type { GoawayCode, RefusalCode, WaitCode } from '../../protocol/codes';

const page = fs.readFileSync(path.resolve(__dirname, '../../protocol/README.md'), 'utf8');

/** The compiler asks for every code, and for nothing else. */
const goaway: Record<GoawayCode, true> = { 'hand-off': true, succeeded: true, 'too-slow': true };
const refusal: Record<RefusalCode, true> = {
  'not-proven': true,
  'no-common-codec': true,
  'upstream-failed': true,
  'led-elsewhere': true,
  'not-led-here': true,
  superseded: true,
};
const wait: Record<WaitCode, true> = { 'no-leader': true, upstream: true, 'hand-off': true };

test.each(Object.entries({ goaway, refusal, wait }))('every code of %s has its row', (message, codes) => {
  const rows = [...page.matchAll(/^\| `([a-z-]+)` +\| `([a-z]+)` +\|/gm)].filter(([, , type]) => type === message);
  expect(rows.map(([, code]) => code).sort()).toEqual(Object.keys(codes).sort());
});
