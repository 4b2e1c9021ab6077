// Applications of a framework: a package that exports Agent and Application. What both are given and told is the contract
// of egg-cluster 2.x. A real egg application is in test/examples.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync, existsSync, readFileSync } from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { setTimeout as wait } from 'node:timers/promises';
import { Child } from '../support/child';
import { eventually } from '../support/eventually';
import { getJson } from '../support/http';
import { freePort } from '../support/ports';

interface Seen {
  readonly pid: number;
  readonly options: Record<string, unknown>;
  readonly heard: string[];
  readonly pids: number[];
}

/** A message in egg's form, as received by the parent. */
interface Told {
  readonly action: string;
  readonly data: Record<string, unknown>;
  readonly from: string;
}

let folder: string;
let master: Child | undefined;
let port: number;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'trunkline-framework-'));
  writeFileSync(join(folder, 'package.json'), '{}');
  port = await freePort();
});

afterEach(async () => {
  await master?.stop();
  master = undefined;
  rmSync(folder, { recursive: true, force: true });
});

function launch(options: object = {}, env: Record<string, string> = {}): Child {
  const given = { baseDir: folder, port, workers: 2, name: 'test', ...options };
  master = new Child('framework-master', { OPTIONS: JSON.stringify(given), EGG_SERVER_ENV: undefined, ...env });
  return master;
}

async function start(options?: object, env?: Record<string, string>): Promise<Child> {
  const child = launch(options, env);
  expect(await child.message('the callback', ({ type }) => type === 'called back')).toMatchObject({ message: undefined });
  return child;
}

const told = (action: string): Told[] => (master!.messages as unknown as Told[]).filter((message) => message.action === action);

const get = (client: typeof http | typeof https = http, at = port): Promise<Seen> => getJson(at, '/', { client });

async function agentSees(): Promise<Seen> {
  const before = told('agent is').length;
  master!.process.send({ action: 'who are you', to: 'agent' });
  return (await eventually('the agent answers', () => told('agent is')[before])).data as unknown as Seen;
}

test('Agent and Application get all options, known and unknown, and the agent the pids of the workers', async () => {
  await start({ plugins: { one: { enable: true } }, whatever: { nested: [1] }, env: 'prod' });
  const app = await get();
  const agent = await agentSees();
  for (const { options } of [app, agent]) {
    expect(options).toMatchObject({
      baseDir: folder,
      framework: expect.stringContaining('fixtures/framework'),
      plugins: { one: { enable: true } },
      whatever: { nested: [1] },
      workers: 2,
      port,
      env: 'prod',
      https: false,
      startMode: 'process',
      clusterPort: expect.any(Number),
    });
  }
  expect(app.heard).not.toContain('egg-pids'); // the message of the agent comes when the agent is replaced
  expect(new Set(agent.pids).size).toBe(2);
  expect(agent.pids).toContain(app.pid);
  expect(app.heard).toContain('egg-ready');
  expect(agent.heard).toEqual(expect.arrayContaining(['egg-pids', 'egg-ready']));
});

test('the parent is told where the application listens', async () => {
  await start();
  expect(told('egg-ready')).toEqual([
    {
      action: 'egg-ready',
      to: 'parent',
      from: 'master',
      data: { port, protocol: 'http', address: `http://127.0.0.1:${port}` },
    },
  ]);
});

test('a killed agent comes back, knows the workers, and gets egg-ready', async () => {
  await start();
  const before = await agentSees();
  process.kill(before.pid, 'SIGKILL');
  await eventually('the parent is told', () => told('agent-worker-died').length === 1);
  const after = await eventually('a new agent', async () => {
    // A program that has not started yet does not answer; egg's messages do not wait for a start.
    const seen = await Promise.race([agentSees(), wait(500, undefined)]);
    return seen && seen.pid !== before.pid && seen.heard.includes('egg-ready') && seen.pids ? seen : undefined;
  });
  expect([...after.pids].sort()).toEqual([...before.pids].sort());
  await eventually('the workers know it', async () => (await get()).pids[0] === after.pid);
});

test('reload-worker of the development plugin replaces the workers and leaves the agent', async () => {
  await start();
  const agent = await agentSees();
  const before = agent.pids;
  master!.process.send({ action: 'reload-worker', to: 'master' });
  await eventually('new workers', async () => {
    const { pids } = await agentSees();
    return pids.length === 2 && !pids.some((pid) => before.includes(pid));
  });
  expect((await agentSees()).pid).toBe(agent.pid);
  expect(told('app-worker-died')).toEqual([]);
});

test('close is called at a stop, in the workers first, and the master ends with code 0', async () => {
  const child = await start();
  child.kill('SIGTERM');
  expect(await child.exited).toEqual({ code: 0, signal: null });
  expect(told('closed').map(({ data }) => data.kind)).toEqual(['Application', 'Application', 'Agent']);
});

test.each(['Agent', 'Application'])(
  'a %s that does not become ready ends the master with code 1 and the reason',
  async (fails) => {
    const child = launch({ fails });
    expect(await child.message('the callback', ({ type }) => type === 'called back')).toMatchObject({
      message: expect.stringContaining('test cannot start'),
    });
    expect(await child.exited).toEqual({ code: 1, signal: null });
    expect(child.output).toContain('test cannot start');
  },
);

test.each([
  ['a framework that is not installed', { framework: 'no-such-framework' }, 'no-such-framework cannot be found from'],
  ['no framework and no app', { framework: null }, 'the framework egg cannot be found from'],
  ['a folder without package.json', { baseDir: '/' }, 'package.json'],
  ['a folder that does not exist', { baseDir: '/no/such/folder' }, 'option baseDir must be'],
  ['a key that cannot be read', { https: { key: '/no/such/key', cert: '/no/such/cert' } }, 'option https.key must be'],
  ['no workers', { workers: 0 }, 'option workers must be a whole number from 1 to 1024, but is 0'],
  ['a strange number of workers', { workers: 'many' }, 'option workers must be'],
])('%s is one sentence and code 1, and nothing is started', async (_, options, message) => {
  const child = launch(options);
  const failure = await child.message('the callback', ({ type }) => type === 'called back');
  expect(failure.message).toContain(message);
  expect(failure.message).not.toContain('\n');
  expect(await child.exited).toEqual({ code: 1, signal: null });
});

test('a port in use is told with EADDRINUSE and who to ask', async () => {
  const other = http.createServer();
  await new Promise<void>((resolve) => other.listen(port, '127.0.0.1', resolve));
  try {
    const child = launch();
    const { message } = await child.message('the callback', ({ type }) => type === 'called back');
    expect(message).toContain('EADDRINUSE');
    expect(message).toContain(`lsof -i :${port}`);
    expect(await child.exited).toEqual({ code: 1, signal: null });
  } finally {
    other.close();
  }
});

test('https with its files, and http beside it on the debug port', async () => {
  const key = join(folder, 'key.pem');
  const cert = join(folder, 'cert.pem');
  const subject = ['-subj', '/CN=localhost', '-days', '1'];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', key, '-out', cert, ...subject], {
    stdio: 'ignore',
  });
  const debugPort = await freePort();
  await start({ https: { key, cert }, debugPort });
  expect(await get(https)).toMatchObject({ options: { https: { key, cert } } });
  expect(await get(http, debugPort)).toMatchObject({ options: { debugPort } });
  expect(told('egg-ready')[0]!.data).toMatchObject({ protocol: 'https', address: `https://127.0.0.1:${port}`, debugPort });
});

test('the pid file holds the pid while the master runs; EGG_SERVER_ENV names the environment', async () => {
  const pidFile = join(folder, 'run', 'master.pid');
  const child = await start({ pidFile }, { EGG_SERVER_ENV: 'unittest' });
  expect(Number(readFileSync(pidFile, 'utf8'))).toBe(child.pid);
  expect((await get()).options.env).toBe('unittest');
  child.kill('SIGTERM');
  await child.exited;
  expect(existsSync(pidFile)).toBe(false);
});

test('modules of the option require are loaded in every child before the framework', async () => {
  const file = join(folder, 'first.js');
  const seen = join(folder, 'seen');
  writeFileSync(file, `require('fs').appendFileSync(${JSON.stringify(seen)}, process.pid + '\\n');`);
  await start({ require: './first.js' });
  expect(readFileSync(seen, 'utf8').trim().split('\n').length).toBe(3);
});

test('children that are inspected have ports of their own, which the parent is told', async () => {
  await start({ nodeArgs: ['--inspect=127.0.0.1'] });
  const ports = told('debug').map(({ data }) => data.debugPort as number);
  expect(new Set(ports).size).toBe(3);
  const agent = await agentSees();
  expect(told('debug').find(({ data }) => data.pid === agent.pid)?.from).toBe('agent');
  expect(agent.options.isDebug).toBe(true);
  for (const each of ports) expect((await getJson<{ webSocketDebuggerUrl: string }[]>(each, '/json/list')).length).toBe(1);
});

test('what a framework is given is in the arguments of no process', async () => {
  await start({ workers: 1, password: 'nobody may see this text' });
  const { pid, options } = await get();
  expect(options.password).toBe('nobody may see this text');
  expect(readFileSync(`/proc/${pid}/cmdline`, 'utf8')).toMatch(/entry\.js\0$/);
});

/** Makes a framework of ES modules that awaits at its top level, in the folder of the application. */
function installAwaiting(manifest: object, before = ''): void {
  const path = join(folder, 'node_modules/awaiting');
  mkdirSync(path, { recursive: true });
  writeFileSync(join(path, 'package.json'), JSON.stringify({ name: 'awaiting', type: 'module', ...manifest }));
  const built = pathToFileURL(join(__dirname, '../../dist/test/fixtures/framework/index.js')).href;
  writeFileSync(
    join(path, 'index.js'),
    `${before}\nexport const { Agent, Application } = (await import(${JSON.stringify(built)})).default;\n`,
  );
}

describe.each([
  ['CommonJS', {}],
  ['ES modules', { type: 'module' }],
])('a framework that awaits at its top level runs an application of %s', (_what, manifest) => {
  test.each([
    ['with main', { main: 'index.js' }],
    ['for import only', { exports: { '.': { import: './index.js' } } }],
  ])('%s', async (_which, framework) => {
    writeFileSync(join(folder, 'package.json'), JSON.stringify(manifest));
    installAwaiting(framework);
    await start({ framework: 'awaiting' });
    expect((await get()).options).toMatchObject({ framework: join(folder, 'node_modules/awaiting') });
    expect(await agentSees()).toMatchObject({ options: { workers: 2 } });
  });
});

test('a module of `require` that awaits at its top level is there before the program', async () => {
  writeFileSync(join(folder, 'first.mjs'), 'process.env.FIRST = await Promise.resolve("yes");');
  installAwaiting({ main: 'index.js' }, `if (process.env.FIRST !== 'yes') throw new Error('too early');`);
  await start({ framework: 'awaiting', require: './first.mjs' });
  expect((await get()).options).toMatchObject({ require: [join(folder, 'first.mjs')] });
});
