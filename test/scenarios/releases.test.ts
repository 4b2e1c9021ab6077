// Releases in separate folders, with a link to the present release: a reload runs the release to which the link leads now.

import { execFile } from 'node:child_process';
import { renameSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Child } from '../support/child';
import { folderOf, removeFolder, saidOf, SAY, startPrograms, writePrograms } from '../support/programs';

const CLI = join(__dirname, __dirname.includes('/dist/') ? '../../..' : '../..', 'dist/package/cli/main.js');

let folder: string;
let master: Child | undefined;

beforeEach(() => {
  folder = folderOf({});
});

afterEach(async () => {
  await master?.stop();
  master = undefined;
  removeFolder(folder);
});

/** A release reports a number, the working folder, and the module that was loaded before. */
function release(number: number): void {
  const say = `say({ release: ${number}, loaded: globalThis.loaded, folder: process.cwd(), pwd: process.env.PWD });`;
  writePrograms(join(folder, 'releases', String(number), 'app'), {
    'agent.js': `${SAY} ${say}`,
    'app.js': `${SAY} ${say} require('node:http').createServer().listen(0, '127.0.0.1');`,
    'node_modules/first/index.js': `globalThis.loaded = ${number};`,
  });
}

/** Swaps a relative link by a rename, as deployments do. */
function lead(number: number): void {
  symlinkSync(`releases/${number}`, join(folder, 'next'));
  renameSync(join(folder, 'next'), join(folder, 'current'));
}

test.each(['process', 'worker_threads'])(
  'a reload runs the release that a link above baseDir leads to now, also when the old one is gone (%s)',
  async (startMode) => {
    release(1);
    lead(1);
    const baseDir = join(folder, 'current/app');
    master = startPrograms(folder, { baseDir, agent: './agent.js', require: 'first', startMode, pidFile: '../../app.pid' });
    await master.message('the start', ({ type }) => type === 'started' || type === 'failed');
    release(2);
    lead(2);
    rmSync(join(folder, 'releases/1'), { recursive: true });
    expect(await master.ask({ type: 'reload' })).toMatchObject({ type: 'reloaded' });
    const isThread = startMode === 'worker_threads'; // the working folder belongs to the process
    expect(saidOf(master).map((said) => [said.release, said.loaded, ...(isThread ? [] : [said.folder, said.pwd])])).toEqual(
      [1, 1, 2, 2].map((number) => [
        number,
        number,
        ...(isThread ? [] : [join(folder, 'releases', String(number), 'app'), baseDir]),
      ]),
    );
  },
);

test('the command line finds an application behind a link before and after the next release, from each shell', async () => {
  release(1);
  lead(1);
  const current = join(folder, 'current/app');
  const runIn = async (cwd: string, PWD: string, ...args: string[]): Promise<string> => {
    const env = { ...process.env, XDG_RUNTIME_DIR: folder, PWD };
    return (await promisify(execFile)(process.execPath, [CLI, ...args], { cwd, env })).stdout;
  };
  const pidIn = async (cwd: string, PWD: string): Promise<number> =>
    (JSON.parse(await runIn(cwd, PWD, 'status', '--json')) as { pid: number }).pid;
  await runIn(current, current, 'start', 'app.js', '--workers', '1', '--daemon');
  try {
    const pid = await pidIn(current, current);
    expect(await pidIn(current, '')).toBe(pid); // a shell that does not tell by which path the folder was entered
    release(2);
    lead(2);
    await runIn(current, current, 'reload');
    expect(await pidIn(current, current)).toBe(pid);
    expect(await pidIn(current, '')).toBe(pid);
    expect(await pidIn(join(folder, 'releases/1/app'), current)).toBe(pid); // a shell that was there before the release
    await expect(pidIn(join(folder, 'releases/1/app'), '')).rejects.toThrow();
  } finally {
    await runIn(current, current, 'stop');
  }
});
