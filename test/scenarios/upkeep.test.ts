// Reloads that nobody asks for by a command: files that change, and times.

import { cpSync, mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { done, folder, get, inFolderOfItsOwn, pids, ROOT, Run, status, trunkline } from '../support/command-line';
import { eventually } from '../support/eventually';
import { writePrograms } from '../support/programs';

inFolderOfItsOwn();

const program = (word: string): string =>
  `require('node:http').createServer((_, response) => response.end(${JSON.stringify(word)})).listen(process.env.PORT, '127.0.0.1');`;

test('an application is reloaded when a file changes, and a mistake in it keeps the old processes', async () => {
  writePrograms(folder, { 'app.js': program('one'), 'src/other.js': '' });
  const run = new Run(['start', 'app.js', '--workers', '1', '--watch']);
  await run.says('ready on');
  const first = await status();

  writeFileSync(join(folder, 'app.js.new'), program('two'));
  renameSync(join(folder, 'app.js.new'), join(folder, 'app.js'));
  await run.says('app.js has changed: reloading');
  await run.says('reloaded after');
  expect(await get('/')).toBe('two');
  const second = await status();
  expect(pids(second)).not.toEqual(pids(first));

  writeFileSync(join(folder, 'src/other.js'), 'not( a program');
  writeFileSync(join(folder, 'app.js'), 'require("./src/other")');
  await run.says('and src/other.js have changed: reloading');
  await run.says('not reloaded: worker 1: the new process did not become ready, the old one goes on: SyntaxError');
  expect([await get('/'), pids(await status())]).toEqual(['two', pids(second)]);

  writeFileSync(join(folder, 'app.js'), program('three'));
  await eventually('a reload', async () => (await get('/')) === 'three');
  await status();
  run.process.kill('SIGINT');
  expect(await run.exited).toEqual({ code: 0, signal: null });
});

test('what changes during a reload leads to another one, and a daemon can be watched for too', async () => {
  const slow = (word: string): string => `setTimeout(() => { ${program(word)} }, 1000);`;
  writePrograms(folder, {
    'app.js': slow('one'),
    'trunkline.config.json': JSON.stringify({ app: 'app.js', workers: 1, watch: 'app.js', stdout: 'out.txt', stderr: 'out.txt' }),
  });
  await done(['start', '--daemon']);
  const follow = new Run(['logs', '-f']);
  writeFileSync(join(folder, 'app.js'), slow('two'));
  await follow.says('app.js has changed: reloading');
  writeFileSync(join(folder, 'app.js'), slow('three'));
  await eventually('the newest', async () => (await get('/')) === 'three');
  await status();
  follow.process.kill('SIGINT');
  await done(['stop']);
});

test('an application is reloaded when it is time, one reload after the other', async () => {
  writePrograms(folder, { 'app.js': program('one') });
  const run = new Run(['start', 'app.js', '--workers', '3', '--cron-restart', '* * * * * *', '--json']);
  await run.says('"event":"ready"');
  const first = await status();
  await run.says('"event":"reloaded"');
  expect(run.stdout).toContain('it is time (cronRestart * * * * * *)');
  // A reload of three workers takes more than the second between two times.
  await run.says('no reload for cronRestart (* * * * * *): one is under way');
  const events = run.stdout.split('\n').flatMap((line) => /"event":"(reloading|reloaded)"/.exec(line)?.[1] ?? []);
  expect(events.join(' ')).toMatch(/^(reloading reloaded ?)+(reloading)?$/);
  const second = await status();
  expect(pids(second)[0]).not.toBe(pids(first)[0]);
  run.process.kill('SIGTERM');
  expect((await run.exited).code).toBe(0);
});

test.each([
  [['--cron-restart', '61 * * * *'], /^trunkline: --cron-restart is no expression of cron: "61 \* \* \* \*": .*minute: 61\n$/],
  [['--cron-restart', 'often'], /^trunkline: --cron-restart is no expression of cron: "often": .*\n$/],
  [['--cron-restart', '2020-01-01T00:00:00'], /^trunkline: --cron-restart .* there is no such time any more\n$/],
])('%j is not understood: one line, code 2', async (args, sentence) => {
  writePrograms(folder, { 'app.js': program('one') });
  for (const mode of [[], ['--daemon']]) {
    const run = await trunkline(['start', 'app.js', '--workers', '1', ...args, ...mode]);
    expect([run.code, run.stderr]).toEqual([2, expect.stringMatching(sentence)]);
  }
});

test('a program that is taken for a folder to watch is told', async () => {
  const run = await trunkline(['start', '--watch', 'app.js']);
  expect([run.code, run.stderr]).toEqual([
    2,
    'trunkline: --watch takes folders; write the program first: trunkline start app.js --watch\n',
  ]);
});

test('without the package croner a sentence says what to install', () => {
  const packages = join(folder, 'installed');
  mkdirSync(join(packages, 'node_modules/trunkline/dist'), { recursive: true });
  cpSync(join(ROOT, 'dist/package'), join(packages, 'node_modules/trunkline/dist/package'), { recursive: true });
  cpSync(join(ROOT, 'package.json'), join(packages, 'node_modules/trunkline/package.json'));
  for (const name of ['commander', 'byte', 'sdk-base', 'serialize-json'])
    symlinkSync(join(ROOT, 'node_modules', name), join(packages, 'node_modules', name));
  writePrograms(folder, { 'app.js': program('one') });
  const command = join(packages, 'node_modules/trunkline/dist/package/cli/main.js');
  expect(() =>
    execFileSync(process.execPath, [command, 'start', 'app.js', '--workers', '1', '--cron-restart', '0 4 * * *'], {
      cwd: folder,
      stdio: 'pipe',
      encoding: 'utf8',
    }),
  ).toThrow(
    expect.objectContaining({
      status: 2,
      stderr: 'trunkline: --cron-restart needs the package croner, which is not installed; npm install croner\n',
    }),
  );
  rmSync(packages, { recursive: true });
});
