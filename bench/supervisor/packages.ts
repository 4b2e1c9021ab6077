// The packages of the peers, which are no dependencies of this package: installed once into a separate folder below
// node_modules, without install scripts, and reused from there.

import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const PACKAGES = { 'egg-cluster': '2.5.0', pm2: '7' } as const;
type PackageName = keyof typeof PACKAGES;

const root = dirname(createRequire(__filename).resolve('trunkline/package.json'));
const FOLDER = join(root, 'node_modules', '.cache', 'trunkline-bench');

/** Where trunkline's processes keep compiled code, so that the home of whoever measures is left alone. */
export function compiledCodeFolder(): string {
  const folder = join(FOLDER, 'compiled');
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  return folder;
}

/** Where an installed peer is. */
export function packageFolder(name: PackageName): string {
  return join(FOLDER, 'node_modules', name);
}

/**
 * Installs what is not there.
 * @returns the exact versions
 */
export function installPackages(): Record<PackageName, string> {
  const names = Object.keys(PACKAGES) as PackageName[];
  if (!names.every(isInstalled)) {
    const wanted = names.map((name) => `${name}@${PACKAGES[name]}`);
    console.error(`installing ${wanted.join(' and ')} into ${FOLDER} (once) …`);
    mkdirSync(FOLDER, { recursive: true });
    writeFileSync(join(FOLDER, 'package.json'), '{ "private": true }\n');
    const options = ['--no-save', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
    execFileSync('npm', ['install', '--prefix', FOLDER, ...options, ...wanted], {
      cwd: FOLDER,
      stdio: ['ignore', 2, 2],
      shell: process.platform === 'win32',
    });
  }
  return { 'egg-cluster': versionOf('egg-cluster'), pm2: versionOf('pm2') };
}

function isInstalled(name: PackageName): boolean {
  if (!existsSync(join(packageFolder(name), 'package.json'))) return false;
  return `${versionOf(name)}.`.startsWith(`${PACKAGES[name]}.`);
}

function versionOf(name: PackageName): string {
  return (JSON.parse(readFileSync(join(packageFolder(name), 'package.json'), 'utf8')) as { version: string }).version;
}
