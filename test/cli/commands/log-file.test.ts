// The end of a file, and everything written later.

import { appendFileSync, mkdtempSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LineGate } from '../../../src/cli/commands/line-gate';
import { GrowingFile, tail } from '../../../src/cli/commands/log-file';
import { RotatingLog } from '../../../src/cli/logs/rotating-log';

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
  expect(tail(file, lines).bytes.toString()).toBe(expected);
});

test('lines are found over the borders of what is read at a time', () => {
  const long = 'x'.repeat(100_000);
  writeFileSync(file, `first\n${long}\n${long}\nlast\n`);
  expect(tail(file, 3).bytes.toString()).toBe(`${long}\n${long}\nlast\n`);
});

test('what was there before an offset does not count', () => {
  writeFileSync(file, 'old\nnew\n');
  expect(tail(file, 10, 4).bytes.toString()).toBe('new\n');
});

test('a follower gives what is appended, once', () => {
  writeFileSync(file, 'old\n');
  const follower = new GrowingFile(file, 4);
  expect(follower.read().toString()).toBe('');
  appendFileSync(file, 'new\n');
  expect(follower.read().toString()).toBe('new\n');
  expect(follower.read().toString()).toBe('');
  follower.close();
});

test('a follower goes on after the file was cut', () => {
  writeFileSync(file, 'old and long\n');
  const follower = new GrowingFile(file, tail(file, 1).end);
  truncateSync(file);
  appendFileSync(file, 'new\n');
  expect(follower.read().toString()).toBe('new\n');
  follower.close();
});

test('a follower reads to the end of a file that was moved away, and then its successor', () => {
  writeFileSync(file, 'old\n');
  const follower = new GrowingFile(file, 4);
  appendFileSync(file, 'late\n');
  renameSync(file, `${file}.1`);
  writeFileSync(file, 'new\n');
  expect(follower.read().toString()).toBe('late\nnew\n');
  follower.close();
});

test('a follower reads all files of several rotations, to the end of each', () => {
  const follower = new GrowingFile(file, 0);
  const long = `${'x'.repeat(99)}\n`.repeat(2_000);
  writeFileSync(file, '');
  expect(follower.read().toString()).toBe('');
  const log = new RotatingLog(file, { maxBytes: 500_000, keep: 20 });
  let written = '';
  for (let i = 0; i < 10; i++) {
    log.write(Buffer.from(`${i}${long}`));
    written += `${i}${long}`;
  }
  log.close();
  let read = '';
  for (let news = follower.read(); news.length > 0; news = follower.read()) read += news.toString();
  expect(read === written).toBe(true);
  follower.close();
});

test('a follower waits for a file that is not there yet', () => {
  const follower = new GrowingFile(file, 0);
  expect(follower.read().toString()).toBe('');
  writeFileSync(file, 'new\n');
  expect(follower.read().toString()).toBe('new\n');
  follower.close();
});

test('bytes of a character that is cut at the end of what is there come out as they are', () => {
  const character = Buffer.from('界');
  writeFileSync(file, character.subarray(0, 2));
  const { bytes, end } = tail(file, 10);
  const follower = new GrowingFile(file, end);
  appendFileSync(file, character.subarray(2));
  expect(Buffer.concat([bytes, follower.read()])).toEqual(character);
  follower.close();
});

test('what is appended between the last lines and the following is shown, once', () => {
  writeFileSync(file, 'old\n');
  const { end } = tail(file, 10);
  appendFileSync(file, 'between\n');
  const follower = new GrowingFile(file, end);
  expect(follower.read().toString()).toBe('between\n');
  follower.close();
});

test('of several files each is shown by whole lines', () => {
  const gate = new LineGate(true);
  const line = Buffer.from('one 界\n');
  expect(gate.pass(line.subarray(0, 5)).toString()).toBe('');
  expect(gate.pass(Buffer.concat([line.subarray(5), Buffer.from('two')])).toString()).toBe('one 界\n');
  expect(gate.rest().toString()).toBe('two');
});

test('a line that never ends is not held for ever', () => {
  const gate = new LineGate(true);
  const piece = Buffer.alloc(40_000, 'x');
  expect(gate.pass(piece)).toHaveLength(0);
  expect(gate.pass(piece)).toHaveLength(80_000);
});
