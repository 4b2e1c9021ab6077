// Where modules are that an application names: packages for `require()`, for `import` only, with conditions and patterns. Each look-up
// runs in a process of its own, because jest resolves by rules of its own.

import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

const BUILT = join(__dirname, '../../dist/src/supervisor/host/resolve-module.js');

let folder: string;

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'trunkline-resolve-')));
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** Makes a package with these empty files. @returns its folder */
function install(name: string, manifest: object, ...files: string[]): string {
  const path = join(folder, 'node_modules', name);
  for (const file of files) {
    mkdirSync(dirname(join(path, file)), { recursive: true });
    writeFileSync(join(path, file), '');
  }
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, 'package.json'), JSON.stringify({ name, ...manifest }));
  return path;
}

/** @returns the file, or the code of the error */
function ask(name: 'resolveModule' | 'importedFile' | 'requiredFile', ...args: string[]): string {
  const code = `try { console.log(require(${JSON.stringify(BUILT)}).${name}(...process.argv.slice(1))) } catch (e) { console.log(e.code) }`;
  return spawnSync(process.execPath, ['-e', code, '--', ...args], { encoding: 'utf8' }).stdout.trim();
}

const both = { exports: { '.': { import: './esm.js', require: './cjs.js' } } };

test('a package for both is the one that require() loads', () => {
  const path = install('both', both, 'esm.js', 'cjs.js');
  expect(ask('resolveModule', 'both', folder)).toBe(join(path, 'cjs.js'));
  expect(ask('importedFile', path)).toBe(join(path, 'esm.js'));
  expect(ask('requiredFile', path)).toBe('undefined'); // by its folder, only `main` counts
});

test.each<[string, unknown, string, string | undefined]>([
  ['a condition alone', { import: './a.js' }, '', 'a.js'],
  ['a subpath', { './sub': { import: './a.js' } }, '/sub', 'a.js'],
  ['nested conditions, the first that fits', { browser: './b.js', node: { import: './a.js' } }, '', 'a.js'],
  ['alternatives', { '.': [{ browser: './b.js' }, { import: './a.js' }] }, '', 'a.js'],
  ['a pattern', { './lib/*': { import: './src/*.js' } }, '/lib/a/b', 'src/a/b.js'],
  ['the longest pattern', { './*': { import: './x/*' }, './lib/*': { import: './src/*' } }, '/lib/a', 'src/a'],
  ['a subpath that is not exported', { './sub': { import: './a.js' } }, '/other', undefined],
  ['a target that is taken back', { './sub': null }, '/sub', undefined],
])('of a package for import only: %s', (_what, exports, subpath, file) => {
  const path = install('@scope/only', { exports });
  const expected = file === undefined ? 'ERR_PACKAGE_PATH_NOT_EXPORTED' : join(path, file);
  expect(ask('resolveModule', `@scope/only${subpath}`, folder)).toBe(expected);
});

test('a module that does not exist is refused as by Node.js', () => {
  expect(ask('resolveModule', 'absent', folder)).toBe('MODULE_NOT_FOUND');
});

test.each<[string, object, string[], string]>([
  ['module before main', { module: 'm.js', main: 'c.js' }, ['m.js', 'c.js'], 'm.js'],
  ['main', { main: 'c.js' }, ['c.js'], 'c.js'],
  ['main without extension', { main: 'c' }, ['c.js'], 'c.js'],
  ['index.mjs before index.js', {}, ['index.js', 'index.mjs'], 'index.mjs'],
  ['what exists, if exports names a file that is not built', { exports: './dist/i.js' }, ['index.ts'], 'index.ts'],
])('import of a folder: %s', (_what, manifest, files, file) => {
  const path = install('folder', manifest, ...files);
  expect(ask('importedFile', path)).toBe(join(path, file));
});
