// The number of a worker: in which variable the program finds the number, and what keeps it.

import { eventually } from '../support/eventually';
import { freePort } from '../support/ports';
import { folderOf, removeFolder, saidOf, SAY, startPrograms } from '../support/programs';

const NUMBERS = `${SAY}
  const { NODE_APP_INSTANCE, SHARD } = process.env;
  say({ pid: process.pid, NODE_APP_INSTANCE, SHARD });`;
const PROGRAMS = {
  'app.js': `${NUMBERS}
    require('node:http').createServer(() => process.exit(1)).listen(process.env.PORT, '127.0.0.1');`,
  'agent.js': NUMBERS,
};

interface Numbers {
  readonly pid: number;
  readonly NODE_APP_INSTANCE?: string;
  readonly SHARD?: string;
}

let folder: string;
beforeEach(() => (folder = folderOf(PROGRAMS)));
afterEach(() => removeFolder(folder));

async function start(options: object, processes: number, env: Record<string, string> = {}) {
  const master = startPrograms(folder, { port: await freePort(), ...options }, env);
  const said = (): Numbers[] => saidOf(master) as object[] as Numbers[];
  await master.message('a start', ({ type }) => type === 'started');
  await eventually('all processes', () => said().length >= processes);
  return { master, said };
}

test('workers are numbered from 0 on, and a successor has the number of the predecessor', async () => {
  const { master, said } = await start({ workers: 3, agent: './agent.js' }, 4, { NODE_APP_INSTANCE: '7' });
  const numbers = () => said().map(({ NODE_APP_INSTANCE: number }) => number ?? 'none');
  expect(numbers().sort()).toEqual(['0', '1', '2', 'none']);
  const { pid } = said().find(({ NODE_APP_INSTANCE: number }) => number === '1')!;
  process.kill(pid, 'SIGKILL');
  await eventually('another process in the place', () => said().length === 5);
  expect(numbers()[4]).toBe('1');
  master.kill('SIGHUP');
  await eventually('a reload', () => said().length === 9);
  expect(numbers().slice(5).sort()).toEqual(['0', '1', '2', 'none']);
  master.kill('SIGTERM');
  await master.exited;
});

test('the variable can have another name, and then NODE_APP_INSTANCE is left alone', async () => {
  const { master, said } = await start({ workers: 2, instanceVariable: 'SHARD' }, 2, { NODE_APP_INSTANCE: '7' });
  const found = said().map(({ SHARD, NODE_APP_INSTANCE: number }) => `${SHARD} ${number}`);
  expect(found.sort()).toEqual(['0 7', '1 7']);
  master.kill('SIGTERM');
  await master.exited;
});
