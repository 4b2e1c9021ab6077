import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathAsGiven, workingFolder } from '../src/path-as-given';

let root: string;
const before = process.cwd();

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'trunkline-path-')));
  mkdirSync(join(root, 'releases/1/app'), { recursive: true });
  symlinkSync('releases/1', join(root, 'current'));
  process.chdir(join(root, 'current/app'));
});

afterEach(() => {
  process.chdir(before);
  rmSync(root, { recursive: true });
});

test('the working folder is the path by which the shell has entered it', () => {
  expect(workingFolder(join(root, 'current/app'))).toBe(join(root, 'current/app'));
  expect(workingFolder(`${join(root, 'current/app')}/`)).toBe(join(root, 'current/app'));
});

test.each([undefined, 'current/app', '/', '/does/not/exist'])('PWD does not count when it is %p', (pwd) => {
  expect(workingFolder(pwd)).toBe(join(root, 'releases/1/app'));
});

test('relative paths keep the links, unless the system goes another way with them', () => {
  const pwd = join(root, 'current/app');
  expect(pathAsGiven('.', pwd)).toBe(pwd);
  expect(pathAsGiven('..', pwd)).toBe(join(root, 'current'));
  expect(pathAsGiven('../../2', pwd)).toBe(join(root, 'releases/2'));
  expect(pathAsGiven('/a/../b/', pwd)).toBe('/b');
});
