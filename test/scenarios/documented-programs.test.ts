// The programs in the README and in the guide run as they stand there, except for their ports.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import { join } from 'node:path';
import { eventually } from '../support/eventually';
import { freePort } from '../support/ports';

const root = join(__dirname, '../..');
let folder: string;
let applications: { readonly process: ChildProcess; readonly ended: Promise<unknown> }[];

beforeEach(() => {
  applications = [];
  // Below dist, so that require('trunkline') finds the package itself.
  folder = join(root, 'dist', `documents-${process.pid}`);
  mkdirSync(folder, { recursive: true });
});

afterEach(async () => {
  for (const { process: application } of applications) end(application, 'SIGKILL');
  await Promise.all(applications.map(({ ended }) => ended));
  rmSync(folder, { recursive: true, force: true });
});

/** Writes the blocks of a document that begin with the name of their file. @param texts what is written in place of what */
function unpack(document: string, texts: Record<string, string | number> = {}): void {
  const text = readFileSync(join(root, document), 'utf8');
  for (const [, code, name] of text.matchAll(/^```js\n(\/\/ ([\w-]+\.js)\b[^]*?)\n```/gm)) {
    const program = Object.entries(texts).reduce((present, [from, to]) => present.replaceAll(from, String(to)), code!);
    writeFileSync(join(folder, name!), program);
  }
}

/** The output of a program, which gets a process group of its own, so that all of its processes can end together. */
function run(program: string, env: Record<string, string | number> = {}): { application: ChildProcess; output: () => string } {
  const strings = Object.fromEntries(Object.entries(env).map(([name, value]) => [name, String(value)]));
  const application = spawn(process.execPath, [program], { cwd: folder, env: { ...process.env, ...strings }, detached: true });
  applications.push({ process: application, ended: once(application, 'close') });
  let output = '';
  for (const stream of [application.stdout, application.stderr]) stream.on('data', (text: Buffer) => (output += text.toString()));
  return { application, output: () => output };
}

function end(application: ChildProcess, signal: NodeJS.Signals): void {
  try {
    process.kill(-application.pid!, signal);
  } catch {
    // the group has ended
  }
}

const found = (output: string, pattern: RegExp): Set<string> => new Set([...output.matchAll(pattern)].map(([, pid]) => pid!));

it('the first 60 seconds of the README: one process connects, all see the values', async () => {
  const readme = readFileSync(join(root, 'README.md'), 'utf8');
  const program = readme.split('\n## 60 seconds\n')[1]!.split('```js\n')[1]!.split('\n```')[0]!;
  writeFileSync(join(folder, 'app.js'), program);
  const { output } = run('app.js', { NODE_CLUSTER_CLIENT_PORT: await freePort() });
  await eventually('every process sees the values', () => {
    const pids = [/process (\d+) sees flags/g, /process (\d+) got: timeout/g].map((pattern) => found(output(), pattern).size);
    return pids.every((count) => count === 3);
  });
  const connected = found(output(), /process (\d+) connects/g);
  expect(connected.size).toBe(1);
  expect(found(output(), /read by process (\d+)/g)).toEqual(connected);
});

it('the guide: three processes share one connection, and go on when their leader is killed or the server is gone', async () => {
  const serverPort = await freePort();
  unpack('docs/guide.md', { 4000: serverPort, 7001: await freePort() });
  const server = run('server.js');
  await eventually('the server', () => server.output().includes('server: ready'));
  const main = run('main.js');
  const seeing = (since: number): Set<string> => found(main.output().slice(since), /process (\d+) \w+ and sees/g);
  await eventually('three processes see the time', () => seeing(0).size === 3);
  expect(server.output()).not.toContain('2 connection(s)');
  const [leader] = found(main.output(), /process (\d+) leads/g);
  expect(found(main.output(), /seen by process (\d+)/g)).toEqual(new Set([leader]));

  process.kill(Number(leader), 'SIGKILL');
  await eventually('another one leads', () => found(main.output(), /process (\d+) leads/g).size === 2);
  const killedAt = main.output().length;
  await eventually('both others see the time', () => seeing(killedAt).size === 2);

  end(server.application, 'SIGKILL');
  await eventually('an error is told', () => main.output().includes('ECONNREFUSED'));
  const next = run('server.js');
  await eventually('the next server', () => next.output().includes('server: 1 connection(s)'));
  const backAt = main.output().length;
  await eventually('both see the time again', () => seeing(backAt).size === 2);
});

it('the application of the page on operating: starts, answers, and stops with code 0', async () => {
  const port = await freePort();
  unpack('docs/operating.md', { 8080: port });
  const { application, output } = run('master.js');
  await eventually('it is ready', () => output().includes('ready'));
  // The master is ready when the workers listen; their clients may still be joining.
  const health = await eventually('health', async () => {
    const answer = await get(port, '/health');
    return answer.status === 200 && answer;
  });
  expect(health).toEqual({ status: 200, body: { state: 'ready' } });
  await eventually('a price', async () => ((await get(port, '/')).body as { symbol?: string } | null)?.symbol === 'ABC');
  application.kill('SIGTERM');
  const [code] = (await once(application, 'exit')) as [number | null];
  expect({ code, output: output() }).toMatchObject({ code: 0 });
});

async function get(port: number, path: string): Promise<{ status: number | undefined; body: unknown }> {
  const request = http.get({ host: '127.0.0.1', port, path, agent: false });
  const [response] = (await once(request, 'response')) as [http.IncomingMessage];
  let text = '';
  for await (const chunk of response) text += String(chunk);
  return { status: response.statusCode, body: JSON.parse(text) };
}

it('observing: a call in one process and its method in another one print spans of one trace', async () => {
  unpack('docs/observing.md');
  const port = { NODE_CLUSTER_CLIENT_PORT: await freePort(), NODE_OPTIONS: '--require ./tracing.js' };
  const leader = run('prices.js', port);
  await eventually('the leader has called itself', () => leader.output().includes('price: 42'));
  const follower = run('prices.js', port);
  const traceIds = (output: string, kind: number): string[] =>
    output
      .split('\n}\n')
      .filter((span) => span.includes(`\n  kind: ${kind},`))
      .map((span) => /^ +traceId: '(\w+)'/m.exec(span)![1]!);
  await eventually('one trace in two processes', () => {
    const [called] = traceIds(follower.output(), 2);
    return called !== undefined && traceIds(leader.output(), 1).includes(called);
  });
});
