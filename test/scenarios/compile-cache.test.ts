// Children keep their compiled code in a folder of the user, where Node.js can do that and nobody has decided otherwise.

import { chmodSync, existsSync, mkdirSync, readdirSync, statSync, symlinkSync } from 'node:fs';
import * as nodeModule from 'node:module';
import { join } from 'node:path';
import type { Child } from '../support/child';
import { eventually } from '../support/eventually';
import { isAlive } from '../support/processes';
import { folderOf, removeFolder, saidOf, SAY, startPrograms } from '../support/programs';

/** Node.js 22.1 and later. `npm run test:nodes` runs these tests there. */
const canKeep = 'enableCompileCache' in nodeModule;
const testWhereKept = canKeep ? test : test.skip;
if (!canKeep) console.warn(`Node.js ${process.version} keeps no compiled code: see npm run test:nodes`);
/** Node.js 22.10 and later writes it before the end of the process. */
const testWhereFlushed = 'flushCompileCache' in nodeModule ? test : test.skip;

const TELL = `${SAY}
const folderOfCode = () => require('node:module').getCompileCacheDir?.() ?? null;
const inherited = require('node:child_process').execFileSync(process.execPath, ['-p', 'process.env.NODE_COMPILE_CACHE ?? null'], { encoding: 'utf8' }).trim();
say({ pid: process.pid, kept: folderOfCode(), variable: process.env.NODE_COMPILE_CACHE ?? null, inherited });`;
const LISTEN = `require('node:http').createServer().listen(0, '127.0.0.1');`;

let folder: string;
let caches: string;
let ours: string;
let master: Child;

beforeEach(() => {
  folder = folderOf({ 'agent.js': TELL, 'app.js': `${TELL} ${LISTEN}` });
  caches = join(folder, 'caches');
  mkdirSync(caches, { mode: 0o700 });
  ours = join(caches, 'trunkline', 'compile-cache');
});

afterEach(async () => {
  if (master.isAlive) await master.ask({ type: 'stop' }); // a process writes compiled code at its end
  await master.stop();
  removeFolder(folder);
});

async function start(options: object = {}, env: Record<string, string | undefined> = {}): Promise<void> {
  const own = { NODE_V8_COVERAGE: undefined, NODE_COMPILE_CACHE: undefined, NODE_DISABLE_COMPILE_CACHE: undefined };
  master = startPrograms(folder, { agent: './agent.js', ...options }, { ...own, XDG_CACHE_HOME: caches, ...env });
  await master.message('the start', ({ type }) => type === 'started');
}

const filesIn = (path: string): string[] =>
  existsSync(path)
    ? readdirSync(path, { recursive: true, encoding: 'utf8', withFileTypes: true }).flatMap((each) =>
        each.isFile() ? each.name : [],
      )
    : [];

testWhereFlushed(
  'a killed application leaves compiled code in a folder of its user alone, and the next start runs it',
  async () => {
    await start();
    // The supervisor's files and both programs.
    await eventually('the code of agent and worker', () => filesIn(ours).length >= 5);
    expect(statSync(join(caches, 'trunkline')).mode & 0o777).toBe(0o700);
    const children = saidOf(master).map(({ pid }) => pid as number);
    await master.stop();
    await eventually('their end', () => !children.some(isAlive));
    await start({}, { NODE_DEBUG_NATIVE: 'COMPILE_CACHE' });
    for (const file of ['agent.js', 'app.js', 'child/entry.js'])
      await eventually(file, () => new RegExp(`cache for .*${file} was accepted`).test(master.output));
  },
);

testWhereKept('agent and worker use the folder, and what they start is told nothing of it', async () => {
  await start();
  const said = saidOf(master);
  expect(said).toHaveLength(2);
  for (const each of said) {
    expect(each).toMatchObject({ variable: null, inherited: 'null' });
    expect(each.kept).toContain(ours);
  }
});

testWhereKept('a thread uses the folder too', async () => {
  await start({ startMode: 'worker_threads' });
  for (const each of saidOf(master)) {
    expect(each).toMatchObject({ variable: null, inherited: 'null' });
    expect(each.kept).toContain(ours);
  }
});

testWhereKept('the folder that the user has named wins, and is inherited as it always was', async () => {
  const theirs = join(folder, 'theirs');
  await start({}, { NODE_COMPILE_CACHE: theirs });
  for (const each of saidOf(master)) {
    expect(each).toMatchObject({ variable: theirs, inherited: theirs });
    expect(each.kept).toContain(theirs);
  }
  expect(readdirSync(caches)).toEqual([]);
});

test.each<[string, object, Record<string, string | undefined>]>([
  ['the option says so', { compileCache: false }, {}],
  ['NODE_DISABLE_COMPILE_CACHE is set', {}, { NODE_DISABLE_COMPILE_CACHE: '1' }],
  ['coverage is recorded', {}, { NODE_V8_COVERAGE: 'coverage' }],
  ['there is no home', {}, { XDG_CACHE_HOME: undefined, HOME: '/nowhere' }],
])('nothing is kept where %s', async (_, options, { NODE_V8_COVERAGE, ...env }) => {
  await start(options, { ...env, NODE_V8_COVERAGE: NODE_V8_COVERAGE && join(folder, NODE_V8_COVERAGE) });
  for (const each of saidOf(master)) expect(each).toMatchObject({ kept: null, variable: null, inherited: 'null' });
  expect(readdirSync(caches)).toEqual([]);
});

(process.geteuid ? test : test.skip).each<[string, () => void]>([
  ['is open to others', () => mkdirSync(join(caches, 'trunkline'), { mode: 0o755 })],
  ['is a link', () => symlinkSync(folder, join(caches, 'trunkline'))],
  ['lies where others may write', () => chmodSync(caches, 0o777)],
  ['cannot be made', () => symlinkSync('/nowhere', join(caches, 'trunkline'))],
])('nothing is kept, and nothing is said, where the folder %s', async (_, prepare) => {
  prepare();
  await start();
  for (const each of saidOf(master)) expect(each).toMatchObject({ kept: null, variable: null, inherited: 'null' });
  expect(existsSync(ours)).toBe(false);
  expect(master.output).toBe('');
});

(canKeep ? test.skip : test)('an older Node.js gets neither folder nor variable', async () => {
  await start();
  for (const each of saidOf(master)) expect(each).toMatchObject({ kept: null, variable: null, inherited: 'null' });
  expect(readdirSync(caches)).toEqual([]);
});
