// New code that becomes ready and dies a moment later, or never becomes ready: what worked before goes on.

import type { Child, ChildMessage } from '../support/child';
import { eventually } from '../support/eventually';
import { isAlive } from '../support/processes';
import { folderOf, removeFolder, SAY, startPrograms, writePrograms } from '../support/programs';

const LISTENS = `require('node:http').createServer((_, response) => response.end('served')).listen(0, '127.0.0.1');`;
const dies = (afterMs: number): string => `setTimeout(() => { throw new Error('no table'); }, ${afterMs});`;

interface Process {
  readonly name: string;
  readonly pid: number;
  readonly state: string;
}

let folder: string;
let master: Child;

afterEach(async () => {
  await master.stop();
  removeFolder(folder);
});

async function start(options: object, programs: Record<string, string> = {}): Promise<Process[]> {
  folder = folderOf({ 'app.js': LISTENS, ...programs });
  master = startPrograms(folder, options);
  const { status } = await master.message('the start', ({ type }) => type === 'started' || type === 'failed');
  return status as Process[];
}

/** How many of these processes are still in place and ready. */
function staying(before: Process[], { status }: ChildMessage): number {
  return (status as Process[]).filter(({ pid, state }) => state === 'ready' && before.some((old) => old.pid === pid)).length;
}

test('a reload of the only worker leaves the old one when the new one dies after it has listened', async () => {
  const before = await start({ workers: 1 });
  writePrograms(folder, { 'app.js': LISTENS + dies(100) });
  const outcome = await master.ask({ type: 'reload' });
  expect(outcome).toMatchObject({ type: 'not-reloaded', code: 'ERR_TRUNKLINE_RELOAD_FAILED' });
  expect(outcome.message).toMatch(/^worker 1: the new process was ready and has ended .*: .*no table/s);
  expect(staying(before, outcome)).toBe(1);
});

test('a reload goes no further when a worker that it has placed dies meanwhile', async () => {
  const before = await start({ workers: 3 });
  // The first new worker lives long enough to be relied on; the second does not become ready for a minute.
  const release = `const fs = require('node:fs'); const mark = __dirname + '/mark';
if (!fs.existsSync(mark)) { fs.writeFileSync(mark, ''); ${LISTENS} ${dies(1_500)} } else setTimeout(() => { ${LISTENS} }, 60_000);`;
  writePrograms(folder, { 'app.js': release });
  const outcome = await master.ask({ type: 'reload' });
  expect(outcome).toMatchObject({ type: 'not-reloaded', code: 'ERR_TRUNKLINE_RELOAD_FAILED' });
  expect(outcome.message).toMatch(/^worker 1: .*no table/s);
  expect(staying(before, outcome)).toBe(2);
});

test('an agent that dies after it was ready does not take the place of the old one', async () => {
  const before = await start({ workers: 1, agent: './agent.js' }, { 'agent.js': '' });
  writePrograms(folder, { 'agent.js': dies(100) });
  const outcome = await master.ask({ type: 'reload' });
  expect(outcome.message).toMatch(/^agent: .*no table/s);
  expect(staying([before[0]!], outcome)).toBe(1);
});

test('a worker that is added and dies is not counted: there are as many as before', async () => {
  const before = await start({ workers: 1 });
  writePrograms(folder, { 'app.js': LISTENS + dies(100) });
  const outcome = await master.ask({ type: 'scale', to: 3 });
  expect(outcome).toMatchObject({ type: 'not-scaled', code: 'ERR_TRUNKLINE_RELOAD_FAILED' });
  expect((outcome.status as Process[]).length).toBe(1);
  expect(staying(before, outcome)).toBe(1);
});

test('a restart tells that the new processes die after they were ready, threads as well', async () => {
  await start({ workers: 1 });
  writePrograms(folder, { 'app.js': LISTENS + dies(100) });
  expect(await master.ask({ type: 'restart' })).toMatchObject({ type: 'not-restarted', code: 'ERR_TRUNKLINE_RELOAD_FAILED' });
});

test('a reload of threads ends at the first that dies after it has listened', async () => {
  const before = await start({ startMode: 'worker_threads', ports: [0, 0] });
  writePrograms(folder, { 'app.js': LISTENS + dies(100) });
  const outcome = await master.ask({ type: 'reload' });
  expect(outcome).toMatchObject({ type: 'not-reloaded', code: 'ERR_TRUNKLINE_RELOAD_FAILED' });
  expect(staying(before, outcome)).toBe(1);
});

test('a new worker that somebody suspends does not hold a reload for the whole startTimeout', async () => {
  const before = await start({ workers: 1 });
  writePrograms(folder, { 'app.js': `${SAY} say({ pid: process.pid }); setInterval(() => undefined, 1000);` });
  const reload = master.ask({ type: 'reload' });
  const { data } = await master.message('the new worker', (message) => message.action === 'said');
  process.kill((data as { pid: number }).pid, 'SIGSTOP');
  const outcome = await reload; // startTimeout is a minute
  expect(outcome.message).toContain('it was suspended');
  expect(staying(before, outcome)).toBe(1);
  await eventually('the end of the suspended one', () => !isAlive((data as { pid: number }).pid));
});
