// `npm run coverage:all`: which lines of src and protocol any test runs, in the process of the test or in a child. The unit tests
// are counted by jest, the children of the scenarios by c8; a line counts when either has seen it run.
// With --merge the two reports of an earlier run are put together again. Fails below the limit.

import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** Percent of all lines: the limit of the unit tests alone, which the children can only raise. */
const LIMIT = 78;
const SHOWN = 15;
const [folder = 'coverage'] = process.argv.slice(2).filter((argument) => !argument.startsWith('--'));
const reports = { unit: join(folder, 'unit'), children: join(folder, 'children') };

if (!process.argv.includes('--merge')) {
  run(
    'jest',
    '--config',
    'jest.unit.config.js',
    '--coverage',
    '--coverageReporters',
    'lcovonly',
    '--coverageDirectory',
    reports.unit,
  );
  const c8 = ['--exclude', 'dist/test/**', '--reporter', 'lcovonly', '--reports-dir', reports.children];
  run('c8', ...c8, 'npm', 'run', 'test:scenarios');
}

/** Hits of each line, by file and number of the line. */
const files = new Map();
for (const report of Object.values(reports)) add(readFileSync(join(report, 'lcov.info'), 'utf8'));

const rows = [...files].map(([file, lines]) => {
  const hit = [...lines.values()].filter((hits) => hits > 0).length;
  return { file, lines: lines.size, missed: lines.size - hit };
});
const lines = rows.reduce((sum, row) => sum + row.lines, 0);
const missed = rows.reduce((sum, row) => sum + row.missed, 0);
const percent = (100 * (lines - missed)) / lines;
for (const row of rows.sort((a, b) => b.missed - a.missed).slice(0, SHOWN))
  console.log(`${row.missed} of ${row.lines}  ${row.file}`);
console.log(`${rows.length} files, ${lines} lines, ${percent.toFixed(1)} % run in a test (limit ${LIMIT} %)`);
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, 'lcov.info'), lcovOf(files));
if (percent < LIMIT) process.exitCode = 1;

function run(program, ...args) {
  const { status } = spawnSync('npx', [program, ...args], { stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

/** @param text a report in the format of lcov */
function add(text) {
  let lines;
  for (const line of text.split('\n')) {
    if (line.startsWith('SF:')) lines = isOurs(line.slice(3)) ? linesOf(line.slice(3)) : undefined;
    const [, number, hits] = /^DA:(\d+),(\d+)/.exec(line) ?? [];
    if (lines && number !== undefined) lines.set(Number(number), Math.max(lines.get(Number(number)) ?? 0, Number(hits)));
  }
}

function linesOf(file) {
  if (!files.has(file)) files.set(file, new Map());
  return files.get(file);
}

function isOurs(file) {
  return /^(src|protocol)\/.*\.ts$/.test(file);
}

function lcovOf(hitsByFile) {
  const parts = [...hitsByFile].map(([file, hits]) => {
    const rows = [...hits].sort(([a], [b]) => a - b).map(([number, count]) => `DA:${number},${count}`);
    return ['TN:', `SF:${file}`, ...rows, 'end_of_record'].join('\n');
  });
  return `${parts.join('\n')}\n`;
}
