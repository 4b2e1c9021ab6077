// The logs of a daemon: rotated by size, or renamed by another program, while processes of the application write.

import { existsSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import {
  done,
  folder,
  get,
  inFolderOfItsOwn,
  known,
  masterPid,
  pids,
  Run,
  status,
  stateFile,
  trunkline,
} from '../support/command-line';
import { eventually } from '../support/eventually';
import { isAlive } from '../support/processes';
import { writePrograms } from '../support/programs';

inFolderOfItsOwn();

/** Writes numbered lines by all ways that programs have, until it is told to end; `/lines` says how many there are. */
const APP = `
  const fs = require('node:fs');
  let count = 0;
  const line = (way) => 'line ' + process.pid + ' ' + count++ + ' ' + way + ' ' + 'x'.repeat(50) + '\\n';
  const timer = setInterval(() => {
    console.log(line('console').trimEnd());
    process.stdout.write(line('stream'));
    writeWhole(line('descriptor'));
  }, 1);
  // As loggers do that write to the descriptor: Node.js does not wait for a pipe that is full.
  function writeWhole(text) {
    for (;;) {
      try {
        return fs.writeSync(1, text);
      } catch (error) {
        if (error.code !== 'EAGAIN') throw error;
      }
    }
  }
  require('trunkline-supervisor').onStop(() => clearInterval(timer));
  require('node:http').createServer((_, response) => response.end(String(count))).listen(process.env.PORT, '127.0.0.1');`;

beforeEach(() => {
  const supervisor = join(__dirname, '../../dist/package/supervisor/index.js');
  writePrograms(folder, {
    'app.js': APP,
    'node_modules/trunkline-supervisor/index.js': `module.exports = require(${JSON.stringify(supervisor)});`,
  });
});

const start = (...args: string[]) =>
  done(['start', 'app.js', '--workers', '2', '--daemon', '--stdout', 'out.log', '--stderr', 'err.log', ...args]);

/** The process that writes the logs is a child of the master. */
function keeperPid(): number {
  const children = readFileSync(`/proc/${masterPid()}/task/${masterPid()}/children`, 'utf8').trim().split(' ').map(Number);
  const pid = children.find((child) => readFileSync(`/proc/${child}/cmdline`, 'utf8').includes('keeper-entry'))!;
  known.add(pid);
  return pid;
}

/** Old files first. */
const logs = (): string[] =>
  readdirSync(folder)
    .filter((name) => name.startsWith('out.log'))
    .sort((a, b) => Number(b.slice('out.log.'.length)) - Number(a.slice('out.log.'.length)));

/** Every process has written each of its numbers once. */
function expectEveryLine(text: string, atLeast: number): void {
  const numbers = new Map<string, number[]>();
  for (const [, pid, number] of text.matchAll(/^line (\d+) (\d+) (?:console|stream|descriptor) x{50}$/gm))
    numbers.set(pid!, [...(numbers.get(pid!) ?? []), Number(number)]);
  expect(numbers.size).toBeGreaterThanOrEqual(atLeast);
  for (const found of numbers.values()) expect(found).toEqual(found.map((_, i) => i));
  expect(text.match(/^line/gm)).toHaveLength([...numbers.values()].flat().length);
}

test('logs that are rotated by size have every line once, also over a reload', async () => {
  await start('--log-max-size', '20k', '--log-keep', '1000');
  await status();
  const keeper = keeperPid();
  await eventually('some files', () => logs().length > 3);
  await done(['reload']);
  await status();
  const before = logs().length;
  await eventually('more files', () => logs().length > before + 3);
  await done(['stop']);
  await eventually('an end of the process that writes', () => !isAlive(keeper));
  const texts = logs().map((name) => readFileSync(join(folder, name), 'utf8'));
  for (const text of texts) expect(text.length).toBeLessThan(20 * 1024 + 200);
  for (const text of texts) expect(text.endsWith('\n')).toBe(true);
  expectEveryLine(texts.join(''), 4);
  expect(texts.at(-1)).toMatch(/stopped\n$/);
});

test('only so many old files are kept', async () => {
  await start('--log-max-size', '5k', '--log-keep', '2');
  await status();
  keeperPid();
  const [oldest] = await eventually('all files', () => (logs().length === 3 ? logs() : undefined));
  const first = readFileSync(join(folder, oldest!), 'utf8');
  await eventually('another oldest file', () => readFileSync(join(folder, oldest!), 'utf8') !== first);
  await done(['stop']);
  expect(logs()).toEqual(['out.log.2', 'out.log.1', 'out.log']);
});

test.each(['trunkline logs --reopen', 'SIGUSR2'])('after a rename no line is lost, and %s opens the file anew', async (way) => {
  await start('--log-rotate', 'external', '--title', 'shop');
  const { pid } = await status(['shop']);
  const keeper = keeperPid();
  for (let i = 1; i <= 5; i++) {
    const old = join(folder, `out.log.${i}`);
    renameSync(join(folder, 'out.log'), old);
    if (way === 'SIGUSR2') {
      process.kill(pid, 'SIGUSR2');
      await eventually('a new file', () => existsSync(join(folder, 'out.log')));
    } else expect((await done(['logs', '--reopen', 'shop'])).stdout).toBe('the logs of shop are open anew\n');
    const text = readFileSync(old, 'utf8');
    await eventually('lines in the new file', () => readFileSync(join(folder, 'out.log')).length > 1000);
    expect(readFileSync(old, 'utf8')).toBe(text);
  }
  await done(['stop', 'shop']);
  await eventually('an end of the process that writes', () => !isAlive(keeper));
  const names = ['out.log.1', 'out.log.2', 'out.log.3', 'out.log.4', 'out.log.5', 'out.log'];
  expectEveryLine(names.map((name) => readFileSync(join(folder, name), 'utf8')).join(''), 2);
});

test('the last words of a master that is killed are kept, and then nobody is left', async () => {
  await start('--log-max-size', '1g');
  const { pid, processes } = await status();
  const keeper = keeperPid();
  process.kill(pid, 'SIGKILL');
  await eventually('an end of all', () => ![keeper, ...processes.map((child) => child.pid)].some(isAlive));
  const text = readFileSync(join(folder, 'out.log'), 'utf8');
  expectEveryLine(text.slice(0, text.lastIndexOf('\n') + 1), 2);
});

test('another process takes the place of the one that writes the logs, and the application notices nothing', async () => {
  await start('--log-max-size', '1g');
  const first = await status();
  const killed = keeperPid();
  process.kill(killed, 'SIGKILL');
  const count = Number(await get('/'));
  await eventually('a line about it', () =>
    readFileSync(join(folder, 'err.log'), 'utf8').includes('has ended (SIGKILL), and another one writes'),
  );
  await eventually('more lines', async () => Number(await get('/')) > count + 30);
  expect(keeperPid()).not.toBe(killed);
  await done(['logs', '--reopen']);
  expect(pids(await status())).toEqual(pids(first));
  await done(['stop']);
  const text = readFileSync(join(folder, 'out.log'), 'utf8');
  // What the killed process had read and not yet written is lost: at most a pipe full.
  expect(text.match(/^line \d+ \d+ \w+ x{50}$/gm)!.length).toBeGreaterThan(30);
});

test('what a worker writes last is not lost, also when a pipe has no room for it', async () => {
  const lines = 20_000;
  writeFileSync(
    join(folder, 'app.js'),
    `require('trunkline-supervisor').onStop(() => {
       for (let i = 0; i < ${lines}; i++) console.log('last ' + i + ' ' + 'x'.repeat(50));
     });
     require('node:http').createServer().listen(process.env.PORT, '127.0.0.1');`,
  );
  await start('--log-max-size', '1g');
  await status();
  const keeper = keeperPid();
  await done(['stop']);
  await eventually('an end of the process that writes', () => !isAlive(keeper));
  // Where a pipe is full, the lines of two processes may mix.
  expect(readFileSync(join(folder, 'out.log'), 'utf8').match(/x/g)).toHaveLength(2 * lines * 50);
});

test('a signal to all processes ends the application with its last words', async () => {
  await start('--log-rotate', 'daily');
  const { pid } = await status();
  const keeper = keeperPid();
  process.kill(keeper, 'SIGTERM');
  process.kill(pid, 'SIGTERM');
  await eventually('an end of both', () => !isAlive(pid) && !isAlive(keeper));
  expect(readFileSync(join(folder, 'out.log'), 'utf8')).toMatch(/stopped\n$/);
});

test('a start that fails says why, and leaves nothing', async () => {
  writeFileSync(join(folder, 'app.js'), 'console.error("last words"); throw new Error("broken");');
  const run = await trunkline(['start', 'app.js', '--workers', '1', '--daemon', '--log-max-size', '1m']);
  expect([run.code, run.stderr]).toEqual([1, expect.stringContaining('Error: broken')]);
  await eventually('its last words', () => readFileSync(stateFile('.err.log')!, 'utf8').includes('last words'));
  expect([stateFile('.pid'), stateFile('.sock')]).toEqual([undefined, undefined]);
});

test('a start that is given up leaves nothing', async () => {
  writeFileSync(join(folder, 'app.js'), 'console.log("never ready"); setInterval(() => undefined, 1000);');
  const run = new Run(['start', 'app.js', '--workers', '1', '--daemon', '--log-max-size', '1m']);
  const pid = await eventually('a master', masterPid);
  const keeper = keeperPid();
  run.process.kill('SIGKILL');
  await eventually('an end of both', () => !isAlive(pid) && !isAlive(keeper));
  expect(stateFile('.pid')).toBeUndefined();
});

test('where every process writes its log itself, the signal ends nothing, and the command says what to do', async () => {
  await start();
  const daemon = await status();
  const run = await trunkline(['logs', '--reopen']);
  expect([run.code, run.stderr]).toEqual([
    1,
    expect.stringMatching(/cannot open them anew: start the daemon with --log-rotate external/),
  ]);
  process.kill(daemon.pid, 'SIGUSR2');
  await eventually('a line', () => readFileSync(join(folder, 'err.log'), 'utf8').includes('SIGUSR2: each process has opened'));
  expect(pids(await status())).toEqual(pids(daemon));
  await done(['stop']);
});

test.each([
  [['--log-max-size', 'much'], '--log-max-size must be a number of bytes, or a text like 10MB, but is "much"'],
  [['--log-rotate', 'yearly'], '--log-rotate must be one of hourly, daily, weekly, external, but is "yearly"'],
  [['--log-keep', '0', '--log-max-size', '1m'], '--log-keep must be a whole number from 1 to 1000, but is 0'],
  [['--log-keep', '3'], '--log-keep needs --log-max-size or --log-rotate'],
  [
    ['--log-max-size', '1m', '--log-rotate', 'external'],
    '--log-max-size is for logs that are rotated here, and --log-rotate is external',
  ],
])('%j is refused: one line, code 2', async (args, sentence) => {
  const run = await trunkline(['start', 'app.js', '--daemon', ...args]);
  expect([run.code, run.stderr]).toEqual([2, `trunkline: ${sentence}\n`]);
});
