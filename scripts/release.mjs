// `npm run release -- 0.2.0 [--dry-run]`: checks that everything is ready for a release, makes the section of the change log from
// Unreleased, sets the version, packs and checks the package, and commits and tags the result. Publishes and pushes nothing: the
// last line says how. A dry run changes no file of the repository.

import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { missingOwnerFields } from './owner-fields.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const UNRELEASED = '## [Unreleased]';

const isDryRun = process.argv.includes('--dry-run');
const [version, ...rest] = process.argv.slice(2).filter((argument) => argument !== '--dry-run');
if (!version || rest.length > 0) fail('usage: npm run release -- VERSION [--dry-run]');

const manifest = JSON.parse(read('package.json'));
const changes = changesOf(read('CHANGELOG.md'));
const problems = [
  ...(isNewer(version, manifest.version) ? [] : [`${version} is no version after ${manifest.version}`]),
  ...(git('status', '--porcelain') === '' ? [] : ['the working tree is not clean']),
  ...(git('rev-parse', '--abbrev-ref', 'HEAD') === 'main' ? [] : ['the branch is not main']),
  ...(git('tag', '--list', `v${version}`) === '' ? [] : [`the tag v${version} exists`]),
  ...(changes.includes('\n- ') ? [] : [`CHANGELOG.md has no change under ${UNRELEASED}`]),
  ...missingOwnerFields(),
];
for (const problem of problems) console.error(problem);
if (problems.length > 0 && !isDryRun) fail('nothing was changed');

if (isDryRun) {
  console.log(`The section of ${version}:\n${changes.trim()}\n`);
  run('npm', ['pack', '--dry-run', '--silent']);
  run('npm', ['run', '--silent', 'check:package']);
  if (problems.length > 0) fail(`not ready: ${problems.length} problems`);
  console.log('ready; nothing was changed');
} else {
  const heading = `## [${version}] - ${new Date().toISOString().slice(0, 10)}`;
  write('CHANGELOG.md', read('CHANGELOG.md').replace(UNRELEASED, `${UNRELEASED}\n\n${heading}`));
  run('npm', ['version', version, '--no-git-tag-version', '--allow-same-version', '--ignore-scripts', '--silent']);
  try {
    run('npm', ['run', '--silent', 'check:package', '--', '--release']);
  } catch (error) {
    git('checkout', '--', 'CHANGELOG.md', 'package.json', 'package-lock.json');
    fail(`the package is not right, and nothing was changed: ${error.message}`);
  }
  git('commit', '--quiet', '--all', '--message', `release: ${version}`);
  git('tag', '--annotate', `v${version}`, '--message', `trunkline ${version}`);
  console.log(`${version} is committed and tagged. To publish: git push --follow-tags && npm publish`);
}

/** The text between the heading of unreleased changes and the next heading of a version. */
function changesOf(log) {
  return log.split(UNRELEASED)[1]?.split(/^## \[/m)[0] ?? '';
}

/** Whether the first version comes after the second, or is the first release with this number. */
function isNewer(next, present) {
  if (!/^\d+\.\d+\.\d+$/.test(next)) return false;
  const isFirst = git('tag', '--list', 'v*') === '' && next === present;
  return isFirst || next.localeCompare(present, 'en', { numeric: true }) > 0;
}

function read(name) {
  return readFileSync(join(root, name), 'utf8');
}

function write(name, text) {
  writeFileSync(join(root, name), text);
}

function git(...args) {
  return execFileSync('git', args, { cwd: root, encoding: 'utf8' }).trim();
}

function run(command, args) {
  execFileSync(command, args, { cwd: root, stdio: 'inherit' });
}

function fail(sentence) {
  console.error(sentence);
  process.exit(1);
}
