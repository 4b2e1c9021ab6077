// The table of docs/adapters.md is what the suites of the adapters run.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { conformanceTable } from './conformance';
import { LACKS } from './lacks';

const squeezed = (table: string): string => table.replace(/ {2,}|-{4,}/g, (run) => (run[0] === '-' ? '---' : ' '));

it('the documents show the cases of every adapter', () => {
  const table = conformanceTable(Object.entries(LACKS).map(([name, lacks]) => ({ name, lacks })));
  const document = readFileSync(join(__dirname, '../../docs/adapters.md'), 'utf8');
  const [, shown] = /<!-- conformance -->\n\n((?:\|.*\n)+)/.exec(document) ?? [];
  expect(squeezed(shown!).trim()).toBe(table);
});
