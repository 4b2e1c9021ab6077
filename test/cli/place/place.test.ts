// How a command finds the files of the application that is meant.

import { mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { placeForStart, placeOf } from '../../../src/cli/place/place';

let root: string;

beforeEach(() => {
  root = realpathSync(mkdtempSync(join(tmpdir(), 'trunkline-place-')));
  for (const folder of ['one/shop', 'two/shop']) mkdirSync(join(root, folder), { recursive: true });
});

afterEach(() => {
  rmSync(root, { recursive: true });
});

test('an application is that of its folder, by the path that was given', () => {
  symlinkSync(join(root, 'one'), join(root, 'link'));
  const place = placeOf({ baseDir: join(root, 'one/shop') }, '/state');
  expect(place.name).toMatch(/^shop-[0-9a-f]{8}$/);
  expect(place.pidFile).toBe(`/state/${place.name}.pid`);
  const linked = placeOf({ baseDir: join(root, 'link/shop') }, '/state');
  expect(linked.name).not.toBe(place.name);
  rmSync(join(root, 'link'));
  symlinkSync(join(root, 'two'), join(root, 'link'));
  expect(placeOf({ baseDir: join(root, 'link/shop') }, '/state')).toEqual(linked);
});

test('two folders of the same name are two applications', () => {
  const [one, two] = ['one', 'two'].map((each) => placeOf({ baseDir: join(root, each, 'shop') }, '/state').pidFile);
  expect(one).not.toBe(two);
});

test('a title counts more than the folder', () => {
  expect(placeOf({ title: 'shop', baseDir: root }, '/state').pidFile).toBe('/state/shop.pid');
});

test.each(['my shop', '../shop', 'a/b', '..', '', 'x'.repeat(200)])('the title %j stays in the folder', (title) => {
  const { name, pidFile } = placeOf({ title }, '/state');
  expect(name).toMatch(/^[\w-][\w.-]{0,39}$/);
  expect(pidFile).toBe(`/state/${name}.pid`);
});

test('titles that look alike as file names are different applications', () => {
  expect(placeOf({ title: 'a b' }, '/state').name).not.toBe(placeOf({ title: 'a/b' }, '/state').name);
});

test('a pid file counts most, and everything is beside it', () => {
  const place = placeOf({ pidFile: join(root, 'app.pid'), title: 'shop' }, '/state');
  expect(place).toMatchObject({ pidFile: join(root, 'app.pid'), socket: join(root, 'app.pid.sock') });
  expect(place.stdout).toMatch(/^\/state\/app-[0-9a-f]{8}\.out\.log$/);
});

test('a path that is too long for a socket is refused before anything is started', () => {
  const user = { uid: process.getuid!(), runtimeDir: root, tmp: root };
  expect(() => placeForStart({ pidFile: join(root, `${'x'.repeat(100)}.pid`) }, user)).toThrow(/too long.*shorter --pid-file/);
});
