// One look at a host: a real application, its workers following the agent, seen over the control socket while things happen to it.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ControlSource } from '../../src/cli/control/control-source';
import type { HostEvent, HostView } from '../../src/host-view';
import { eventually } from '../support/eventually';
import { getJson } from '../support/http';
import { freePort } from '../support/ports';

const ROOT = join(__dirname, '../..');
const PROGRAM = join(ROOT, 'dist/package/cli/main.js');

/** An upstream class of which a file decides the values: each line of the file is a value. */
const AGENT = `
const { watchFile, readFileSync } = require('node:fs');
const cluster = require(${JSON.stringify(join(ROOT, 'dist/package/index.js'))});
class Feed {
  subscribe({ id }, listener) {
    let at = 0;
    const look = () => { for (const line of readFileSync(process.env.VALUES, 'utf8').trim().split('\\n').slice(at)) { at++; listener(id + line); } };
    setInterval(look, 20).unref();
  }
  async echo(value) { return value; }
  async fail() { throw Object.assign(new Error('no'), { code: 'E_NO' }); }
}
module.exports = { Feed, make: (options) => cluster(Feed, options).create() };
if (require.main !== module && process.env.ROLE_FILE !== 'app') module.exports.default = module.exports.make().ready();
`;
const WORKER = `
const http = require('node:http');
process.env.ROLE_FILE = 'app';
const client = require('./agent.js').make();
client.subscribe({ id: 'a' }, () => undefined);
http.createServer(async (request, response) => {
  if (request.url === '/crash') process.exit(3);
  const [, method] = request.url.split('/');
  const answer = await client[method](1).then((value) => ({ value }), (error) => ({ error: error.code }));
  response.end(JSON.stringify({ pid: process.pid, ...answer }));
}).listen(Number(process.env.PORT), '127.0.0.1');
`;

let folder: string;
let port: number;
let master: ChildProcess;
let source: ControlSource;
const values = (): string => join(folder, 'values');

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'trunkline-view-'));
  port = await freePort();
  writeFileSync(join(folder, 'agent.js'), AGENT);
  writeFileSync(join(folder, 'app.js'), WORKER);
  writeFileSync(values(), 'first\n');
});

afterEach(async () => {
  if (master.exitCode === null && master.signalCode === null) {
    master.kill('SIGTERM');
    await once(master, 'exit');
  }
  rmSync(folder, { recursive: true, force: true });
});

async function start(workers: number): Promise<void> {
  const args = [
    'start',
    'app.js',
    '--agent',
    'agent.js',
    '-w',
    String(workers),
    '-p',
    String(port),
    '--json',
    '--pid-file',
    'run.pid',
  ];
  let output = '';
  const env = { ...process.env, XDG_RUNTIME_DIR: folder, PORT: String(port), VALUES: values() };
  master = spawn(process.execPath, [PROGRAM, ...args], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  for (const stream of [master.stdout!, master.stderr!]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await eventually('it is ready', () => {
    if (master.exitCode !== null) throw new Error(output);
    return output.includes('"event":"ready"');
  });
  source = new ControlSource(join(folder, 'run.pid.sock'));
}

/** Watches until a view is as wanted. @returns that view, and how long it took */
async function seen(isWanted: (view: HostView) => unknown): Promise<HostView> {
  for await (const view of source.watch(AbortSignal.timeout(60_000))) if (isWanted(view)) return view;
  throw new Error('no such view in a minute');
}

const feedOf = (view: HostView): HostView['channels'][number] => view.channels.find(({ channel }) => channel === 'Feed')!;
const kinds = (events: readonly HostEvent[]): string[] => events.map(({ kind }) => kind);

test('a view has the processes, the channel with its followers and keys, and what each client did', async () => {
  await start(2);
  await getJson(port, '/echo');
  await getJson(port, '/fail');
  const view = await seen((each) => feedOf(each)?.keys[0]?.version === 1 && feedOf(each).followers.length === 2);
  expect(view).toMatchObject({ source: 'supervisor', application: { state: 'running', address: `127.0.0.1:${port}` } });
  expect(view.processes.map(({ name }) => name)).toEqual(['master', 'agent', 'worker 1', 'worker 2']);
  const [, agent, ...workers] = view.processes;
  const feed = feedOf(view);
  expect(feed).toMatchObject({ leaderPid: agent!.pid, term: 1, upstream: { state: 'ok' }, keyCount: 1, valuesFromUpstream: 1 });
  expect(new Set(feed.followers.map(({ pid }) => pid))).toEqual(new Set(workers.map(({ pid }) => pid)));
  expect(feed.keys).toEqual([{ key: '{"id":"a"}', version: 1, ageMs: expect.any(Number) as number, subscribers: 2 }]);
  const calls = workers.map(({ clients }) => clients[0]!.calls);
  expect(calls.map(({ ok }) => ok).reduce((a, b) => a + b)).toBe(1);
  expect(calls.flatMap(({ failed }) => Object.entries(failed))).toEqual([['E_NO', 1]]);
  expect(calls.flatMap(({ latency }) => latency.counts).reduce((a, b) => a + b)).toBe(2);
  expect(workers[0]!.clients).toMatchObject([{ role: 'follower', state: 'ready', subscriptions: 1, valuesReceived: 1 }]);
  expect(kinds(view.events)).toEqual(expect.arrayContaining(['ready', 'start']));
});

test('a new value shows in a watch within a second', async () => {
  await start(1);
  let changedAt = 0;
  let version = 0;
  for await (const view of source.watch(AbortSignal.timeout(60_000))) {
    const now = feedOf(view)?.keys[0]?.version ?? 0;
    if (changedAt > 0 && now > version) {
      expect(view.at - changedAt).toBeLessThan(1_000 + 1_000); // a busy machine may take longer to run the processes
      return;
    }
    version = now;
    if (version > 0 && changedAt === 0) {
      changedAt = Date.now();
      writeFileSync(values(), 'first\nsecond\n');
    }
  }
  throw new Error('it was never seen');
});

test('a crash, a reload and a change of leader are among the events', async () => {
  await start(1);
  const before = (await source.read()).processes.find(({ name }) => name === 'worker 1')!;
  await getJson(port, '/crash').catch(() => undefined);
  const crashed = await seen(({ processes }) =>
    processes.some(({ name, pid, state }) => name === 'worker 1' && pid !== before.pid && state === 'ready'),
  );
  expect(crashed.events).toContainEqual(
    expect.objectContaining({ kind: 'crash', subject: 'worker 1', pid: before.pid, text: 'ended with code 3' }),
  );
  const oldLeader = feedOf(crashed).leaderPid;
  master.kill('SIGHUP');
  const reloaded = await seen(({ events }) => kinds(events).includes('reload') && kinds(events).includes('handoff'));
  expect(reloaded.events).toContainEqual(expect.objectContaining({ kind: 'handoff', subject: 'Feed' }));
  expect(reloaded.application!.reloads).toMatchObject({ ok: 1, failed: 0 });
  const after = await seen((view) => feedOf(view)?.leaderPid !== undefined && feedOf(view).leaderPid !== oldLeader);
  process.kill(feedOf(after).leaderPid!, 'SIGKILL');
  const failed = await seen(({ events }) => kinds(events).includes('failover'));
  const failover = failed.events.find(({ kind }) => kind === 'failover')!;
  expect(failover).toMatchObject({
    subject: 'Feed',
    text: expect.stringMatching(/^agent, pid \d+, leads after the loss of pid/) as string,
  });
  const ids = failed.events.map(({ id }) => id);
  expect(ids).toEqual([...ids].sort((a, b) => a - b));
});

test('a child that does not run is shown as it was last known, and holds up one view for half a second', async () => {
  await start(2);
  const { pid } = (await source.read()).processes.at(-1)!;
  process.kill(pid!, 'SIGSTOP');
  try {
    const view = await source.read();
    expect(view.processes.at(-1)).toMatchObject({ pid, clients: [{ channel: 'Feed' }] });
  } finally {
    process.kill(pid!, 'SIGCONT');
  }
});

test('a watch of a master that is killed ends with a sentence', async () => {
  await start(1);
  let views = 0;
  const watching = (async () => {
    for await (const view of source.watch(AbortSignal.timeout(60_000))) if (views++ === 0 && view) master.kill('SIGKILL');
  })();
  await expect(watching).rejects.toThrow('the master has ended');
});
