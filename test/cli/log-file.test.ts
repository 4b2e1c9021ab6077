// The end of a file, and what comes after it.

import { appendFileSync, mkdtempSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Follower, tail } from '../../src/cli/log-file';

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'trunkline-log-'));
  file = join(folder, 'log');
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

test.each([
  ['', 3, ''],
  ['a\nb\nc\n', 2, 'b\nc\n'],
  ['a\nb\nc', 2, 'b\nc'],
  ['a\nb\nc\n', 0, ''],
  ['a\nb\n', 10, 'a\nb\n'],
  ['\n\n\n', 2, '\n\n'],
])('of %j the last %d lines are %j', (text, lines, expected) => {
  writeFileSync(file, text);
  expect(tail(file, lines)).toBe(expected);
});

test('lines are found over the borders of what is read at a time', () => {
  const long = 'x'.repeat(100_000);
  writeFileSync(file, `first\n${long}\n${long}\nlast\n`);
  expect(tail(file, 3)).toBe(`${long}\n${long}\nlast\n`);
});

test('what was there before an offset does not count', () => {
  writeFileSync(file, 'old\nnew\n');
  expect(tail(file, 10, 4)).toBe('new\n');
});

test('a follower gives what is appended, once', () => {
  writeFileSync(file, 'old\n');
  const follower = new Follower(file, true);
  expect(follower.read().toString()).toBe('');
  appendFileSync(file, 'new\n');
  expect(follower.read().toString()).toBe('new\n');
  expect(follower.read().toString()).toBe('');
  follower.close();
});

test('a follower goes on after the file was cut', () => {
  writeFileSync(file, 'old and long\n');
  const follower = new Follower(file, true);
  truncateSync(file);
  appendFileSync(file, 'new\n');
  expect(follower.read().toString()).toBe('new\n');
  follower.close();
});

test('a follower reads to the end of a file that was moved away, and then its successor', () => {
  writeFileSync(file, 'old\n');
  const follower = new Follower(file, true);
  appendFileSync(file, 'late\n');
  renameSync(file, `${file}.1`);
  writeFileSync(file, 'new\n');
  expect(follower.read().toString()).toBe('late\nnew\n');
  follower.close();
});

test('a follower waits for a file that is not there yet', () => {
  const follower = new Follower(file, true);
  expect(follower.read().toString()).toBe('');
  writeFileSync(file, 'new\n');
  expect(follower.read().toString()).toBe('new\n');
  follower.close();
});
