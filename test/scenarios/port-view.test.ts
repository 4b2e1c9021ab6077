// A look at processes without a supervisor, through the holder of their cluster port: `trunkline status --port`.

import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PortSource } from '../../src/cli/control/port-source';
import type { ChannelView, HostView } from '../../src/host-view';
import { eventually } from '../support/eventually';
import { freePort } from '../support/ports';

const ROOT = join(__dirname, '../..');
const PROGRAM = join(ROOT, 'dist/package/cli/main.js');

/** A process with a client for each channel of the command line. */
const PROCESS = `
const cluster = require(${JSON.stringify(join(ROOT, 'dist/package/index.js'))});
class Feed {
  subscribe({ id }, listener) { listener('value of ' + id); }
  async echo(value) { return value; }
  close() {}
}
const options = { port: Number(process.env.PORT), ...JSON.parse(process.env.OPTIONS ?? '{}') };
(async () => {
  for (const name of process.argv.slice(2)) {
    const client = cluster(Feed, { ...options, name }).create();
    client.subscribe({ id: name }, () => undefined);
    await client.ready();
    await client.echo(1);
  }
  console.log('ready');
})();
`;

let folder: string;
let port: number;
const processes: ChildProcess[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'trunkline-port-'));
  port = await freePort();
  writeFileSync(join(folder, 'process.js'), PROCESS);
});

afterEach(async () => {
  await Promise.all(
    processes.splice(0).map(async (child) => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    }),
  );
  rmSync(folder, { recursive: true, force: true });
});

const environment = (): NodeJS.ProcessEnv => ({ ...process.env, XDG_RUNTIME_DIR: folder, PORT: String(port), NO_COLOR: '1' });

/** Starts a process, and waits until all of its clients are ready. */
async function start(channels: readonly string[], options: object = {}): Promise<ChildProcess> {
  const env = { ...environment(), OPTIONS: JSON.stringify(options) };
  const child = spawn(process.execPath, [join(folder, 'process.js'), ...channels], { env, stdio: ['ignore', 'pipe', 'inherit'] });
  processes.push(child);
  let output = '';
  child.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await eventually('it is ready', () => output.includes('ready'));
  return child;
}

const source = (secret?: string): PortSource => new PortSource({ port, secret, runtimeFolder: folder });
const channelOf = (view: HostView, name: string): ChannelView => view.channels.find(({ channel }) => channel === name)!;

function status(...args: string[]): { code: number | null; stdout: string; stderr: string } {
  const run = spawnSync(process.execPath, [PROGRAM, 'status', '--port', String(port), ...args], {
    env: environment(),
    encoding: 'utf8',
  });
  return { code: run.status, stdout: run.stdout, stderr: run.stderr };
}

test('every process is seen, the leaders elsewhere and their followers too', async () => {
  const holder = await start(['a']);
  const other = await start(['b', 'a']); // leads b, and is appointed for it by the holder
  const third = await start(['a', 'b']);
  const view = await source().read();
  expect(view).toMatchObject({ source: 'port holder', application: undefined, events: [] });
  expect(view.processes.map(({ pid }) => pid)).toEqual([holder, other, third].map(({ pid }) => pid!).sort((x, y) => x - y));
  expect(view.channels.map(({ channel }) => channel)).toEqual(['a', 'b']);
  expect(channelOf(view, 'a')).toMatchObject({ leaderPid: holder.pid, port, upstream: { state: 'ok' }, keyCount: 1 });
  expect(new Set(channelOf(view, 'a').followers.map(({ pid }) => pid))).toEqual(new Set([other.pid, third.pid]));
  expect(channelOf(view, 'b')).toMatchObject({ leaderPid: other.pid });
  expect(channelOf(view, 'b').followers.map(({ pid }) => pid)).toEqual([third.pid]);
  expect(view.processes.map(({ clients }) => clients.map(({ calls }) => calls.ok))).toContainEqual([1, 1]);
  const shown = status();
  expect(shown.stderr).toBe('');
  expect(shown.stdout).toContain(`pid ${holder.pid}`);
  expect(shown.stdout).toMatch(/^b +pid \d+ +1 +1 +1 +1 +ok for/m);
  const { channels } = JSON.parse(status('--json').stdout) as HostView;
  expect(channels).toHaveLength(2);
});

test('a process that is stopped is left out, and the others are told in time', async () => {
  const holder = await start(['a']);
  const stopped = await start(['a']);
  stopped.kill('SIGSTOP');
  const view = await source().read();
  expect(view.processes.map(({ pid }) => pid)).toEqual([holder.pid]);
  expect(channelOf(view, 'a').followers).toHaveLength(1);
  stopped.kill('SIGCONT');
});

test('a watch goes on to the next holder of the port', async () => {
  const holder = await start(['a']);
  const survivor = await start(['a']);
  const seen: (number | undefined)[] = [];
  const end = AbortSignal.timeout(60_000);
  while (!seen.includes(survivor.pid)) {
    try {
      for await (const view of source().watch(end)) {
        const { leaderPid } = channelOf(view, 'a');
        if (leaderPid === holder.pid) holder.kill('SIGKILL');
        seen.push(leaderPid);
        if (leaderPid === survivor.pid) break;
      }
    } catch (error) {
      expect((error as Error).message).toMatch(/nobody listens|gave no answer|has gone/); // while the port changes hands
    }
  }
  expect(seen[0]).toBe(holder.pid);
});

test('nobody at the port, something else there, and a wrong secret are told apart', async () => {
  expect(status()).toMatchObject({ code: 3, stderr: expect.stringContaining('nobody listens') as string });
  const stranger = net
    .createServer((socket) => socket.resume().end('HTTP/1.1 400 Bad Request\r\n\r\n'))
    .listen(port, '127.0.0.1');
  await once(stranger, 'listening');
  await expect(source().read()).rejects.toThrow('held by another program');
  stranger.close();
  await once(stranger, 'close');
  await start(['a'], { secret: 'a secret of the application' });
  await expect(source().read()).rejects.toThrow('TRUNKLINE_SECRET');
  await expect(source('a secret of the application').read()).resolves.toMatchObject({ processes: [{ state: 'running' }] });
  await expect(source('another').read()).rejects.toThrow('TRUNKLINE_SECRET');
});

/** Starts a command that goes on. @returns what it has written when the condition holds; the command is ended with the test */
async function running(args: readonly string[], what: string, isThere: (output: string) => boolean): Promise<string> {
  const command = spawn(process.execPath, [PROGRAM, ...args], { env: environment(), stdio: ['ignore', 'pipe', 'inherit'] });
  processes.push(command);
  let output = '';
  command.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()));
  return eventually(what, () => (isThere(output) ? output : undefined));
}

test('trunkline top --port shows the processes, as lines of JSON too', async () => {
  const holder = await start(['a']);
  const [line] = (await running(['top', '--json', '--port', String(port)], 'a line', (text) => text.includes('\n'))).split('\n');
  const view = JSON.parse(line!) as HostView;
  expect(view.processes.map(({ pid }) => pid)).toEqual([holder.pid]);
  expect(channelOf(view, 'a')).toMatchObject({ leaderPid: holder.pid });
  const text = await running(['top', '--port', String(port)], 'a picture', (shown) => shown.includes('\n\n'));
  expect(text).toContain(`cluster port ${port}`);
});

test('trunkline dashboard --cluster-port serves a view of the processes, and no actions', async () => {
  const holder = await start(['a']);
  const shown = await running(['dashboard', '--cluster-port', String(port), '--port', '0'], 'the address', (text) =>
    text.includes('http://'),
  );
  const url = /http:\S+/.exec(shown)![0];
  const view = (await (await fetch(new URL('/api/status', url))).json()) as HostView;
  expect(view).toMatchObject({ source: 'port holder', processes: [{ pid: holder.pid }] });
  expect((await fetch(new URL('/api/actions/reload', url), { method: 'POST' })).ok).toBe(false);
});

test.each([
  [['top', 'shop', '--port', '7777']],
  [['dashboard', 'shop', '--cluster-port', '7777']],
  [['dashboard', '--cluster-port', '7777', '--values', '--token', 'a-token-of-16-chars']],
])('%j is refused: an application and a port, or values of other processes', (args) => {
  const run = spawnSync(process.execPath, [PROGRAM, ...args], { encoding: 'utf8' });
  expect(run.status).toBe(2);
});

test.each([['0'], ['65536'], ['http']])('the port %s is refused', (given) => {
  const run = spawnSync(process.execPath, [PROGRAM, 'status', '--port', given], { encoding: 'utf8' });
  expect(run.status).toBe(2);
});
