// The chaos program, run for a few seconds.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { eventually } from '../support/eventually';
import { isAlive } from '../support/processes';

const MAIN = join(__dirname, '../../dist/chaos/main.js');

interface Running {
  readonly process: ChildProcess;
  readonly exited: Promise<number | null>;
  output: string;
  progress: string;
}

const started: Running[] = [];

function start(...args: string[]): Running {
  const child = spawn(process.execPath, [MAIN, '--verbose', ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
  const exited = once(child, 'close').then(([code]) => code as number | null);
  const running: Running = { process: child, exited, output: '', progress: '' };
  child.stdout.on('data', (text: Buffer) => (running.output += text.toString()));
  child.stderr.on('data', (text: Buffer) => (running.progress += text.toString()));
  started.push(running);
  return running;
}

function membersOf({ progress }: Running): number[] {
  return [...progress.matchAll(/process (\d+) +started/g)].map(([, pid]) => Number(pid));
}

afterEach(async () => {
  for (const running of started.splice(0)) {
    for (const pid of [running.process.pid!, ...membersOf(running)]) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
    await running.exited;
  }
});

it('every promise is kept for eight seconds, and no process is left', async () => {
  const run = start('--seconds', '8', '--seed', '9');
  const code = await run.exited;
  expect(`${run.output}${code === 0 ? '' : run.progress}`).toContain('Every promise was kept.');
  expect(code).toBe(0);
  expect(run.output).toMatch(/^faults .*kill \d/m);
  expect(run.output).toMatch(/^calls +\d+ settled: .*ok \d+/m);
  expect(run.output).toMatch(/^streams +\d+ ended after \d+ rows: .*all \d+/m);
  const members = membersOf(run);
  expect(members.length).toBeGreaterThanOrEqual(8);
  expect(members.filter(isAlive)).toEqual([]);
}, 90_000);

it('ends all of its processes when it is interrupted, stopped ones too', async () => {
  const run = start('--seconds', '60', '--seed', '2');
  await eventually('a stopped process', () => /fault=stop/.test(run.progress), 60_000);
  run.process.kill('SIGINT');
  expect(await run.exited).toBe(130);
  expect(run.output).toContain('Interrupted');
  expect(membersOf(run).length).toBeGreaterThanOrEqual(8);
  expect(membersOf(run).filter(isAlive)).toEqual([]);
}, 90_000);
