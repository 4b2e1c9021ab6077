// The script that builds the checkout, in a small separate checkout.

import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const ROOT = join(__dirname, '..');

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'trunkline-ensure-'));
  for (const name of ['package.json', 'package-lock.json', 'tsconfig.json', 'tsconfig.build.json', 'scripts'])
    cpSync(join(ROOT, name), join(folder, name), { recursive: true });
  // This checkout has none of the files that the package is put together from.
  writeFileSync(join(folder, 'scripts/bundle.mjs'), 'export default () => undefined;\n');
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  mkdirSync(join(folder, 'src/part'), { recursive: true });
  for (const name of ['kept.ts', 'gone.ts', 'part/gone.ts', 'kept.mts', 'gone.mts'])
    writeFileSync(join(folder, 'src', name), 'export const value = 1;\n');
});

afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

/** @returns the output of the script */
function ensure(...args: string[]): string {
  const { status, stderr } = spawnSync(process.execPath, ['scripts/ensure.mjs', ...args], { cwd: folder, encoding: 'utf8' });
  expect(status).toBe(0);
  return stderr;
}

const built = (): string[] =>
  readdirSync(join(folder, 'dist/src'), { recursive: true, encoding: 'utf8' }).filter((name) => name.includes('.'));

test('a build removes what has no source any more, and keeps the rest', () => {
  expect(ensure()).toContain('building');
  expect(built()).toHaveLength(15); // code, types and map of each
  for (const name of ['gone.ts', 'part', 'gone.mts']) rmSync(join(folder, 'src', name), { recursive: true });
  expect(ensure()).toContain('building');
  expect(built().sort()).toEqual(['kept.d.mts', 'kept.d.ts', 'kept.js', 'kept.js.map', 'kept.mjs', 'kept.mjs.map']);
  expect(ensure()).toBe('');
}, 60_000);

test('what npm runs for a git dependency builds where the compiler is installed, and does nothing elsewhere', () => {
  expect(ensure('--prepare')).toBe('building …\n');
  expect(built()).toHaveLength(15);
  rmSync(join(folder, 'dist'), { recursive: true });
  rmSync(join(folder, 'node_modules'));
  expect(ensure('--prepare')).toBe('');
}, 60_000);
