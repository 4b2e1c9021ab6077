// Makes the checkout runnable: installs what is missing from the lock file and builds what is stale. Does nothing when nothing
// is missing (a few milliseconds). `npm start`, `npm test` and jest run this first.

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, lstatSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const INSTALLED = join(root, 'node_modules', '.trunkline-lock-hash');
const BUILT = join(root, 'dist', '.built');
const SOURCES = [
  'src',
  'protocol',
  'types',
  'test',
  'examples',
  'bench',
  'chaos',
  'tsconfig.json',
  'tsconfig.build.json',
  'package-lock.json',
  'scripts/ensure.mjs',
  'scripts/bundle.mjs',
];

export default async function ensure() {
  checkNode();
  install();
  await build();
}

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number);
  const oldest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).engines.node.replace('>=', '');
  const [oldestMajor, oldestMinor] = oldest.split('.').map(Number);
  if (major < oldestMajor || (major === oldestMajor && minor < oldestMinor)) {
    console.error(`trunkline needs Node.js ${oldest} or newer; this is ${process.version}`);
    process.exit(1);
  }
}

function install() {
  const hash = createHash('sha256')
    .update(readFileSync(join(root, 'package-lock.json')))
    .digest('hex');
  if (existsSync(INSTALLED) && readFileSync(INSTALLED, 'utf8') === hash) return;
  console.error('installing the packages of package-lock.json …');
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  writeFileSync(INSTALLED, hash);
}

async function build() {
  if (existsSync(BUILT) && newest(SOURCES) <= statSync(BUILT).mtimeMs) return;
  console.error('building …');
  const startedAt = new Date();
  rmSync(BUILT, { force: true });
  run(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', 'tsconfig.build.json']);
  // Only folders: dist also holds notes of the compiler, and dist/package is not written by the compiler.
  const folders = readdirSync(dirname(BUILT), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  for (const { name } of folders) if (name !== 'package') removeOrphans(name);
  const { default: bundle } = await import('./bundle.mjs'); // the package that bundle.mjs imports may have been installed just now
  await bundle();
  writeFileSync(BUILT, '');
  utimesSync(BUILT, startedAt, startedAt); // what was saved while the compiler ran is stale
}

/** The compiler leaves the output of a removed source, which would go into the package. */
function removeOrphans(name) {
  const path = join(root, 'dist', name);
  const stat = lstatSync(path);
  if (stat.isSymbolicLink()) return; // the compiler makes no links, and behind a link are files of somebody else
  if (stat.isDirectory()) {
    for (const child of readdirSync(path)) removeOrphans(join(name, child));
    return;
  }
  const source = name.replace(/(\.d)?\.([cm]?)[jt]s(\.map)?$/, '.$2ts');
  if (!existsSync(join(root, source))) rmSync(path);
}

function newest(names) {
  let latest = 0;
  for (const name of names) {
    const path = join(root, name);
    if (!existsSync(path)) continue;
    const stat = lstatSync(path); // the packages of an example link back to this folder
    latest = Math.max(latest, stat.mtimeMs);
    if (stat.isDirectory())
      latest = Math.max(
        latest,
        newest(
          readdirSync(path)
            .filter((child) => child !== 'node_modules' && child !== 'dist')
            .map((child) => join(name, child)),
        ),
      );
  }
  return latest;
}

function run(command, args) {
  try {
    execFileSync(command, args, { cwd: root, stdio: ['ignore', 2, 2], shell: process.platform === 'win32' && command === 'npm' });
  } catch {
    console.error(`failed: ${[command, ...args].join(' ')}`);
    process.exit(1);
  }
}

/** Builds in a clone that npm has just installed, so that a git dependency is complete: npm runs no `prepack` for those. */
async function prepare() {
  if (existsSync(join(root, 'node_modules', 'typescript'))) await build();
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href)
  await (process.argv[2] === '--prepare' ? prepare() : ensure());
