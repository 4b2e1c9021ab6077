// A log that begins anew: by size, by time, without losing or cutting a line.

import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { endOfPeriod, RotatingLog, type Rotation } from '../../../src/cli/logs/rotating-log';

let folder: string;
let log: RotatingLog | undefined;
let now: number;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'trunkline-log-'));
  now = new Date(2026, 10, 30, 12, 30).getTime(); // a Monday
});

afterEach(() => {
  log?.close();
  log = undefined;
  rmSync(folder, { recursive: true, force: true });
});

function open(rotation: Partial<Rotation>): RotatingLog {
  log = new RotatingLog(join(folder, 'log'), { keep: 3, ...rotation }, () => now);
  return log;
}

const read = (name = 'log'): string => readFileSync(join(folder, name), 'utf8');
const files = (): Record<string, string> =>
  Object.fromEntries(
    readdirSync(folder)
      .sort()
      .map((name) => [name, read(name)]),
  );

test('a log that would be too large begins anew, and old ones are counted', () => {
  const target = open({ maxBytes: 10, keep: 2 });
  for (const line of ['one\n', 'two\n', 'three\n', 'four\n', 'five\n', 'six\n', 'seven\n']) target.write(Buffer.from(line));
  expect(files()).toEqual({ log: 'six\nseven\n', 'log.1': 'four\nfive\n', 'log.2': 'three\n' });
});

test('a chunk of many lines is divided between lines', () => {
  open({ maxBytes: 8 }).write(Buffer.from('a\nbb\nccc\ndddd\neeeee\nf\n'));
  expect(files()).toEqual({ log: 'eeeee\nf\n', 'log.1': 'dddd\n', 'log.2': 'ccc\n', 'log.3': 'a\nbb\n' });
});

test('a line is not cut, also when it is larger than a file or comes in pieces', () => {
  const target = open({ maxBytes: 5 });
  target.write(Buffer.from('123456789\n'));
  for (const piece of ['ab', 'cd', 'ef\n', 'gh\n']) target.write(Buffer.from(piece));
  expect(files()).toEqual({ log: 'gh\n', 'log.1': 'abcdef\n', 'log.2': '123456789\n' });
});

test('a line without end does not make a file without end', () => {
  const target = open({ maxBytes: 10, keep: 2 });
  for (let i = 0; i < 100; i++) target.write(Buffer.from('xxxxx'));
  for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).size).toBeLessThan(30);
});

test('no byte is lost and no line is cut, however the output comes in', () => {
  fc.assert(
    fc.property(
      fc.array(fc.stringMatching(/^[a-z]{0,12}\n$/), { maxLength: 30 }),
      fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 20 }),
      (lines, cuts) => {
        log?.close();
        for (const name of readdirSync(folder)) rmSync(join(folder, name));
        const bytes = Buffer.from(lines.join(''));
        const target = open({ maxBytes: 16, keep: 999 });
        for (let from = 0, i = 0; from < bytes.length; i++) {
          const to = from + cuts[i % cuts.length]!;
          target.write(bytes.subarray(from, to));
          from = to;
        }
        const names = readdirSync(folder).sort((a, b) => Number(b.split('.')[1] ?? 0) - Number(a.split('.')[1] ?? 0));
        const texts = names.map((name) => read(name));
        expect(texts.join('')).toBe(bytes.toString());
        for (const text of texts) if (text !== '') expect(text.endsWith('\n')).toBe(true);
        // A line that comes in pieces is longer than its beginning has shown.
        for (const text of texts) expect(text.length).toBeLessThan(16 + 13);
      },
    ),
  );
});

test.each([
  ['hourly', [2026, 10, 30, 12, 30], [2026, 10, 30, 13]],
  ['daily', [2026, 10, 30, 12, 30], [2026, 11, 1]],
  ['daily', [2026, 11, 31, 23, 59], [2027, 0, 1]],
  ['weekly', [2026, 10, 30, 12, 30], [2026, 11, 7]],
  ['weekly', [2026, 11, 6, 23, 59], [2026, 11, 7]],
] as const)('a %s period that holds %j ends at %j', (period, at, end) => {
  const [year, month, ...rest] = at;
  const [endYear, endMonth, ...endRest] = end;
  expect(endOfPeriod(new Date(year, month, ...rest).getTime(), period)).toBe(new Date(endYear, endMonth, ...endRest).getTime());
});

test('a log begins anew with the first line of the next period', () => {
  const target = open({ every: 'daily' });
  target.write(Buffer.from('monday\n'));
  now += 12 * 3_600_000;
  target.write(Buffer.from('tuesday\n'));
  target.write(Buffer.from('tuesday too\n'));
  now += 48 * 3_600_000;
  expect(read()).toBe('tuesday\ntuesday too\n'); // an empty file is no news
  target.write(Buffer.from('thursday\n'));
  expect(files()).toEqual({ log: 'thursday\n', 'log.1': 'tuesday\ntuesday too\n', 'log.2': 'monday\n' });
});

test('what an earlier process has left belongs to its own period', () => {
  writeFileSync(join(folder, 'log'), 'long ago\n');
  now = Date.now() + 8 * 24 * 3_600_000;
  open({ every: 'weekly' }).write(Buffer.from('today\n'));
  expect(files()).toEqual({ log: 'today\n', 'log.1': 'long ago\n' });
});

test('another program renames the file, and after that no byte goes to the old one', () => {
  const target = open({});
  target.write(Buffer.from('one\n'));
  renameSync(join(folder, 'log'), join(folder, 'log-20261130'));
  target.write(Buffer.from('two\n'));
  target.reopen();
  target.write(Buffer.from('three\n'));
  expect(files()).toEqual({ log: 'three\n', 'log-20261130': 'one\ntwo\n' });
});

test('the file of before is written on when the new one cannot be opened', () => {
  const target = open({});
  renameSync(join(folder, 'log'), join(folder, 'old'));
  mkdirSync(join(folder, 'log'));
  expect(() => target.reopen()).toThrow();
  target.write(Buffer.from('one\n'));
  expect(read('old')).toBe('one\n');
  rmSync(join(folder, 'log'), { recursive: true });
});

test('a rotation that fails is told once in the log, and tried again after a minute', () => {
  mkdirSync(join(folder, 'log.3')); // cannot be removed as a file
  const target = open({ maxBytes: 8 });
  for (const line of ['one\n', 'two\n', 'three\n', 'four\n']) target.write(Buffer.from(line));
  expect(read()).toMatch(/^one\ntwo\n\S+ \[trunkline\] the log cannot be rotated: .*\nthree\nfour\n$/);
  rmSync(join(folder, 'log.3'), { recursive: true });
  now += 60_000;
  target.write(Buffer.from('five\n'));
  expect([read(), existsSync(join(folder, 'log.1'))]).toEqual(['five\n', true]);
});

test('the next file has the mode of the one before', () => {
  const target = open({ maxBytes: 4 });
  chmodSync(join(folder, 'log'), 0o640);
  for (const line of ['one\n', 'two\n']) target.write(Buffer.from(line));
  expect(statSync(join(folder, 'log')).mode & 0o777).toBe(0o640);
});

(existsSync('/dev/full') ? test : test.skip)('a full disk loses what it does not take, and a device is never rotated', () => {
  log = new RotatingLog('/dev/full', { maxBytes: 1, keep: 1 });
  for (let i = 0; i < 3; i++) log.write(Buffer.from('lost\n'));
  expect(existsSync('/dev/full.1')).toBe(false);
});
