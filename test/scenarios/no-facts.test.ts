// An application whose surroundings refuse: clients take every descriptor, or there is no /proc. Real processes.

import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { eventually } from '../support/eventually';
import { getJson } from '../support/http';
import { freePort } from '../support/ports';

const ROOT = join(__dirname, '../..');
const PROGRAM = join(ROOT, 'dist/package/cli/main.js');
const APP = join(ROOT, 'dist/test/fixtures/supervised/web.js');
/** Descriptors that each process of the application may have. */
const LIMIT = 120;
/** More clients than the processes of the application have descriptors. */
const CLIENTS = 4 * LIMIT;

let folder: string;
let port: number;
let master: ChildProcess | undefined;
let output = '';
let clients: net.Socket[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'trunkline-facts-'));
  port = await freePort();
  output = '';
});

afterEach(async () => {
  for (const client of clients) client.destroy();
  clients = [];
  if (master?.exitCode === null) master.kill('SIGKILL');
  await eventually('the end of the master', () => master!.exitCode !== null || master!.signalCode !== null);
  rmSync(folder, { recursive: true, force: true });
});

/** @param shell prepares the surroundings, and ends in `exec "$@"` */
async function start(shell: string, flags: readonly string[], wrapper: readonly string[] = []): Promise<void> {
  const command = [
    ...wrapper,
    'sh',
    '-c',
    shell,
    'sh',
    process.execPath,
    PROGRAM,
    'start',
    APP,
    '--port',
    String(port),
    ...flags,
  ];
  const env = { ...process.env, XDG_RUNTIME_DIR: folder, HOST: '127.0.0.1', TRUNKLINE_SEAT: undefined };
  master = spawn(command[0]!, command.slice(1), { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] });
  for (const stream of [master.stdout!, master.stderr!]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()));
  await eventually(`a ready application: ${output}`, () => /ready on[^]*\n {2}worker \d/.test(output));
}

function workers(): number[] {
  return [...output.matchAll(/worker \d · pid (\d+)/g)].map(([, pid]) => Number(pid));
}

function openFiles(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** A client that sends nothing, and connects again when sent away. */
function linger(): void {
  const client = net.connect(port, '127.0.0.1');
  clients.push(client);
  client.on('error', () => undefined);
  client.once('close', () => setTimeout(() => clients.includes(client) && linger(), 50).unref());
}

/**
 * A connection that was handed to a worker at the moment of the worker's death is never answered: each connection has a limit.
 */
function answer(): Promise<{ pid: number } | undefined> {
  return getJson<{ pid: number }>(port, '/', { signal: AbortSignal.timeout(1_000) }).catch(() => undefined);
}

async function stop(): Promise<void> {
  master!.kill('SIGTERM');
  await eventually('the end of the master', () => master!.exitCode !== null || master!.signalCode !== null);
  expect(master!.exitCode).toBe(0);
}

describe('when silent clients take every descriptor', () => {
  test.each([
    ['of master and workers, and connections go round', [], (pid: number) => openFiles(pid) >= LIMIT],
    ['of a master with sticky connections', ['--sticky'], () => openFiles(master!.pid!) >= LIMIT],
  ])('%s, every process lives, and answers again when they are gone', async (_, flags, isFull) => {
    await start(`ulimit -Sn ${LIMIT}; ulimit -Hn ${LIMIT}; exec "$@"`, ['--workers', '2', ...flags]);
    const pids = workers();
    expect(pids).toHaveLength(2);
    for (let i = 0; i < CLIENTS; i++) linger();
    await eventually('processes without a descriptor', () => pids.every(isFull));
    // Every child gathers facts once a second: no more reports of memory come after two further periods.
    await eventually('reports without a descriptor', () => pids.every((pid) => idleReports(pid) >= 2));
    for (const client of clients.splice(0)) client.destroy();
    const answered = await eventually('an answer', () => answer());
    expect(pids).toContain(answered.pid);
    expect(output).not.toMatch(/next start in|ended with code/);
    await stop();
  });
});

/** Reports that were due while the process had no descriptor, by the process's clock: whole seconds of the kernel. */
const fullSince = new Map<number, number>();
function idleReports(pid: number): number {
  if (openFiles(pid) < LIMIT && openFiles(master!.pid!) < LIMIT) fullSince.delete(pid);
  else if (!fullSince.has(pid)) fullSince.set(pid, performance.now());
  return Math.floor((performance.now() - (fullSince.get(pid) ?? performance.now())) / 1_000);
}

const canMount = spawnSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt']).status === 0;
(canMount ? test : test.skip)('without /proc an application starts, replaces a worker that is killed, and stops', async () => {
  await start('mount -t tmpfs tmpfs /proc; exec "$@"', ['--workers', '1'], ['unshare', '-m']);
  const [pid] = workers();
  process.kill(pid!, 'SIGKILL');
  const next = await eventually('the next worker', async () => {
    const answered = await answer();
    return answered && answered.pid !== pid ? answered.pid : undefined;
  });
  expect(readFileSync(`/proc/${next}/stat`, 'utf8')).toMatch(/\((node|MainThread)\) /); // newer versions of Node name their threads
  await stop();
});
