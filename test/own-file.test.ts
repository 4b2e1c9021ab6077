// Files that only the owner may read, and that are never written through a link.

import {
  chmodSync,
  chownSync,
  closeSync,
  linkSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openToAppend, overwrite, writeNew } from '../src/own-file';
import { PidFile } from '../src/supervisor/host/pid-file';

let folder: string;
let file: string;
let victim: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'trunkline-own-'));
  file = join(folder, 'file');
  victim = join(folder, 'victim');
  writeFileSync(victim, 'precious');
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

const modeOf = (path: string): number => statSync(path).mode & 0o777;
const append = (path: string): void => {
  const log = openToAppend(path);
  writeSync(log, 'line\n');
  closeSync(log);
};
const WAYS: [string, (path: string) => void][] = [
  ['overwritten', (path) => overwrite(path, 'text')],
  ['appended to', append],
  ['written anew', (path) => writeNew(path, 'text')],
  ['a pid file', (path) => new PidFile(path).write()],
];

test.each(WAYS)('a new file that is %s is for its user alone, whatever the umask', (_, write) => {
  const before = process.umask(0);
  try {
    write(file);
  } finally {
    process.umask(before);
  }
  expect(modeOf(file)).toBe(0o600);
});

test.each(WAYS)('a symbolic link is not %s', (_, write) => {
  symlinkSync(victim, file);
  expect(() => write(file)).toThrow(/symbolic link|EEXIST/);
  expect(readFileSync(victim, 'utf8')).toBe('precious');
});

test.each(WAYS)('a hard link is not %s', (_, write) => {
  linkSync(victim, file);
  expect(() => write(file)).toThrow(/hard link|EEXIST/);
  expect(readFileSync(victim, 'utf8')).toBe('precious');
});

(process.getuid?.() === 0 ? test : test.skip).each(WAYS)('a file of another user is not %s', (_, write) => {
  writeFileSync(file, '');
  chownSync(file, 65_534, 65_534);
  expect(() => write(file)).toThrow(/belongs to the user 65534|EEXIST|EACCES/);
});

test('a pid file of a former time is closed to others', () => {
  writeFileSync(file, '123456\n');
  chmodSync(file, 0o644);
  new PidFile(file).write();
  expect([modeOf(file), readFileSync(file, 'utf8')]).toEqual([0o600, `${process.pid}\n`]);
});

test('a pid file that cannot be written is an error with a code', () => {
  expect(() => new PidFile(folder).write()).toThrow(
    expect.objectContaining({ code: 'ERR_TRUNKLINE_OPTION_INVALID', option: 'pidFile' }),
  );
});

test('a log is appended to, and keeps the mode that it has', () => {
  writeFileSync(file, 'before\n');
  chmodSync(file, 0o640);
  append(file);
  expect([modeOf(file), readFileSync(file, 'utf8')]).toEqual([0o640, 'before\nline\n']);
});

test('a log may be a device', () => {
  expect(() => append('/dev/null')).not.toThrow();
});
