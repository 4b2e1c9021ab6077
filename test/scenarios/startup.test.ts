// `trunkline startup`: a unit that systemd accepts, and that starts the application as the command line does.

import { execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { done, folder, get, inFolderOfItsOwn, known, port, Run, status, trunkline } from '../support/command-line';
import { eventually } from '../support/eventually';
import { writePrograms } from '../support/programs';

inFolderOfItsOwn();

const PROGRAM = `require('node:http')
  .createServer((_, response) => response.end(JSON.stringify({ argv: process.argv.slice(2), cwd: process.env.PWD })))
  .listen(process.env.PORT, '127.0.0.1');`;
const hasSystemd = ['/usr/bin/systemd-analyze', '/bin/systemd-analyze'].some((path) => existsSync(path));

const valueOf = (key: string, unit: string): string => new RegExp(`^${key}=(.*)$`, 'm').exec(unit)![1]!;

/** What systemd makes of a value: without specifiers, and for arguments without quotes and variables. */
const plain = (value: string): string => value.replaceAll('%%', '%');
function wordsOf(command: string): string[] {
  return [...command.matchAll(/"((?:[^"\\]|\\.)*)"|(\S+)/g)].map(([, quoted, bare]) =>
    plain(quoted?.replaceAll(/\\(.)/g, '$1') ?? bare!).replaceAll('$$', '$'),
  );
}

(hasSystemd ? test : test.skip)('systemd finds nothing in the unit, whatever the paths are', async () => {
  const base = join(folder, 'my shop 100% $x');
  mkdirSync(base);
  writeFileSync(join(base, 'an app.js'), PROGRAM);
  const { stdout } = await done(['startup', 'an app.js', '--base-dir', base, '--workers', '1', '--', '%n', '$HOME', 'a "b"']);
  const file = join(folder, 'shop.service');
  writeFileSync(file, stdout);
  expect(execFileSync('systemd-analyze', ['verify', file], { encoding: 'utf8', stdio: 'pipe' })).toBe('');
});

test('what the unit starts is what the command line starts, and a link to the present release stays a link', async () => {
  const release = join(folder, 'release 1%');
  mkdirSync(release);
  writePrograms(release, { 'app.js': PROGRAM });
  symlinkSync(release, join(folder, 'current'));
  const pidFile = join(folder, 'shop.pid');
  const args = ['one two', '%n', '$HOME', '$$', 'a"b\\c', "it's", ';', '--x'];
  const { stdout: unit } = await done(
    [
      'startup',
      'app.js',
      '--workers',
      '1',
      '--stop-timeout',
      '12000',
      '--base-dir',
      'current',
      '--pid-file',
      'shop.pid',
      '--',
      ...args,
    ],
    { PWD: folder },
  );
  expect(valueOf('TimeoutStopSec', unit)).toBe('17');
  const [program, ...words] = wordsOf(valueOf('ExecStart', unit));
  expect(program).toBe(process.execPath);
  const service = spawn(program!, words, {
    cwd: plain(valueOf('WorkingDirectory', unit)),
    env: { PORT: String(port), HOME: folder },
    stdio: 'ignore',
  });
  known.add(service.pid!);
  const answer = await eventually('an answer', () => get('/').catch(() => undefined));
  expect(JSON.parse(answer)).toEqual({ argv: args, cwd: join(folder, 'current') });
  await status(['--pid-file', pidFile]);
  expect(Number(readFileSync(pidFile, 'utf8'))).toBe(service.pid);
  const ended = new Promise((resolve) => service.once('exit', resolve));
  service.kill('SIGTERM');
  expect(await ended).toBe(0);
});

test('there is a unit for each application of a configuration, with the limits of each', async () => {
  const config = { app: 'app.js', applications: { shop: { stopTimeout: 8_000 }, admin: { pidFile: 'admin.pid' } } };
  writePrograms(folder, { 'app.js': PROGRAM, 'trunkline.config.json': JSON.stringify(config) });
  const both = (await done(['startup'])).stdout.split(/^(?=# \/etc)/m);
  expect(both.map((unit) => /^# (\S+)\n# One of several/.exec(unit)![1])).toEqual([
    '/etc/systemd/system/shop.service',
    '/etc/systemd/system/admin.service',
  ]);
  expect(both.map((unit) => valueOf('TimeoutStopSec', unit))).toEqual(['13', '10']);
  const { stdout } = await done(['startup', 'shop', '--workers', '3']);
  const words = wordsOf(valueOf('ExecStart', stdout)).slice(3);
  const file = `--config=${join(folder, 'trunkline.config.json')}`;
  expect(words).toEqual(['shop', file, '--pid-file=/run/trunkline-shop/shop.pid', '--workers=3']);
  expect(wordsOf(valueOf('ExecStart', both[1]!)).slice(3)).toEqual(['admin', file]);
});

test('a title finds an application whose pid file is elsewhere', async () => {
  writePrograms(folder, { 'app.js': PROGRAM });
  const run = new Run(['start', 'app.js', '--workers', '1', '--title', 'shop', '--pid-file', join(folder, 'there.pid')]);
  await run.says('ready on');
  expect((await status(['shop'])).pid).toBe(run.process.pid);
  await done(['stop', 'shop']);
});

test.each([
  [['startup', 'app.js', '--daemon'], '--daemon is not for a unit: systemd starts the application in the foreground'],
  [['startup', 'none.js'], 'the program must be the path of a file that exists'],
  [['startup', 'app.js', '--workers', '0'], '--workers must be a whole number'],
])('%j is refused: one line, code 2', async (args, sentence) => {
  writePrograms(folder, { 'app.js': PROGRAM });
  const run = await trunkline(args);
  expect([run.code, run.stdout, run.stderr]).toEqual([2, '', expect.stringContaining(sentence)]);
});
