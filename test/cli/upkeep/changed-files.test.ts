// Which files have changed, as the real file system tells.

import { appendFileSync, chmodSync, mkdirSync, mkdtempSync, realpathSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ChangedFiles } from '../../../src/cli/upkeep/changed-files';
import { eventually } from '../../support/eventually';
import { leavesNothingOpen } from '../../support/open-handles';

leavesNothingOpen();

let folder: string;
let files: ChangedFiles | undefined;
let reports: string[];

beforeEach(() => {
  folder = realpathSync(mkdtempSync(join(tmpdir(), 'trunkline-changes-')));
  reports = [];
  for (const name of ['src', 'src/deep', 'node_modules', 'logs', '.git']) mkdirSync(join(folder, name));
  for (const name of ['app.js', 'src/a.js', 'src/deep/b.js', 'node_modules/c.js', 'logs/app.txt']) write(name, 'old');
});

afterEach(() => {
  files?.close();
  rmSync(folder, { recursive: true, force: true });
});

function write(name: string, text = 'new text'): void {
  writeFileSync(join(folder, name), text);
}

function watch(paths = ['.'], ignored: string[] = []): void {
  const settings = { paths: paths.map((path) => join(folder, path)), ignored };
  files = new ChangedFiles(
    settings,
    (changed) => reports.push(...changed.map((path) => path.slice(folder.length + 1))),
    (sentence) => reports.push(sentence),
  );
  files.start();
}

/** What does not count comes first: when the last change is reported, all others would have been. */
async function reported(last: string): Promise<string[]> {
  await eventually(`a report of ${last}`, () => reports.includes(last));
  return [...new Set(reports)];
}

test('a file that is written, in any depth', async () => {
  watch();
  write('src/deep/b.js');
  expect(await reported('src/deep/b.js')).toEqual(['src/deep/b.js']);
});

test('a file that is saved as editors do, by another file that gets the name', async () => {
  watch();
  write('.app.js.swp');
  write('app.js~');
  write('app.js.new');
  renameSync(join(folder, 'app.js.new'), join(folder, 'app.js'));
  expect(await reported('app.js')).toEqual(['app.js']);
});

test('what programs write while they run does not count, nor a look at a file', async () => {
  watch(['.'], ['data.json', join(folder, 'src/deep')]);
  for (const name of ['node_modules/c.js', 'logs/app.txt', 'app.log', 'app.log.1', '.git/index', 'data.json', 'src/deep/b.js'])
    write(name);
  chmodSync(join(folder, 'app.js'), 0o600);
  write('src/a.js');
  expect(await reported('src/a.js')).toEqual(['src/a.js']);
});

test('files of a new folder, and then changes in it', async () => {
  watch();
  mkdirSync(join(folder, 'src/later'));
  write('src/later/one.js');
  await reported('src/later/one.js');
  write('src/later/two.js');
  await reported('src/later/two.js');
});

test('a file that is removed, and a folder', async () => {
  watch();
  rmSync(join(folder, 'app.js'));
  await reported('app.js');
  rmSync(join(folder, 'src'), { recursive: true });
  expect((await reported('src/deep/b.js')).sort()).toEqual(['app.js', 'src/a.js', 'src/deep/b.js']);
  mkdirSync(join(folder, 'src'));
  write('src/a.js', 'again');
  reports = [];
  await reported('src/a.js');
});

test('only what is named: folders, and single files', async () => {
  watch(['src/deep', 'app.js']);
  write('src/a.js');
  write('other.js');
  write('app.js');
  write('src/deep/b.js');
  await reported('src/deep/b.js');
  expect((await reported('app.js')).sort()).toEqual(['app.js', 'src/deep/b.js']);
});

test('several changes at once are one report', async () => {
  const all: (readonly string[])[] = [];
  files = new ChangedFiles(
    { paths: [folder], ignored: [] },
    (changed) => all.push(changed),
    () => undefined,
  );
  files.start();
  write('app.js');
  write('src/a.js');
  for (let i = 0; i < 20; i++) appendFileSync(join(folder, 'src/deep/b.js'), 'more');
  await eventually('a report', () => all.flat().length >= 3);
  expect(all).toHaveLength(1);
});

test('after the end nothing is reported', async () => {
  watch();
  write('app.js');
  files!.close();
  const other = new ChangedFiles(
    { paths: [folder], ignored: [] },
    () => reports.push('other'),
    () => undefined,
  );
  other.start();
  write('src/a.js');
  await eventually('a report of another', () => reports.length > 0);
  other.close();
  expect(reports).toEqual(['other']);
});
