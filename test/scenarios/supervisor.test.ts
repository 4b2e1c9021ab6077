// An application under supervision: real processes, real signals, real HTTP.

import { fork } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Child } from '../support/child';
import { eventually } from '../support/eventually';
import { getJson } from '../support/http';
import { Stopwatch } from '../support/pauses';
import { freePort } from '../support/ports';
import { isAlive } from '../support/processes';

interface Answer {
  readonly pid: number;
  readonly holder: number;
  readonly seen: number;
  readonly isLeader: boolean;
}

interface ProcessStatus {
  readonly name: string;
  readonly pid: number | undefined;
  readonly state: string;
}

let masters: Child[] = [];
let pids: number[] = [];
let port: number;

beforeEach(async () => {
  port = await freePort();
});

afterEach(async () => {
  await Promise.all(masters.map((master) => master.stop()));
  masters = [];
  // No process of a test may outlive the master for long.
  await eventually('an end of all processes', () => !pids.some(isAlive));
  pids = [];
});

function master(options: object, env: Record<string, string> = {}): Child {
  const child = new Child('supervisor-master', { OPTIONS: JSON.stringify(options), PORT: port, ...env });
  masters.push(child);
  return child;
}

async function start(options: object, env?: Record<string, string>): Promise<Child> {
  const child = master(options, env);
  const { status } = await child.message('the start', ({ type }) => type === 'started' || type === 'failed');
  remember(status as ProcessStatus[]);
  return child;
}

function remember(status: ProcessStatus[]): void {
  pids.push(...status.flatMap(({ pid }) => pid ?? []));
}

async function statusOf(child: Child): Promise<ProcessStatus[]> {
  const { status } = await child.ask({ type: 'status' });
  remember(status as ProcessStatus[]);
  return status as ProcessStatus[];
}

const get = (path = '/', agent?: http.Agent): Promise<Answer> => getJson(port, path, { agent: agent ?? false });

const identities = (status: ProcessStatus[]) => status.map(({ name, pid, state }) => ({ name, pid, state }));

const states = (status: ProcessStatus[]) => status.map(({ name, state }) => `${name} ${state}`);

test('the agent holds the upstream client, the workers follow, without any option in the programs', async () => {
  const child = await start({ workers: 3 });
  const status = await statusOf(child);
  expect(states(status)).toEqual(['agent ready', 'worker 1 ready', 'worker 2 ready', 'worker 3 ready']);
  const answers = await Promise.all(Array.from({ length: 12 }, () => get()));
  expect(new Set(answers.map(({ holder }) => holder))).toEqual(new Set([status[0]!.pid]));
  expect(answers.every(({ isLeader }) => !isLeader)).toBe(true);
  expect(new Set(answers.map(({ pid }) => pid)).size).toBe(3);
});

test('without an agent the workers compete', async () => {
  const child = await start({ workers: 2, withAgent: false });
  const workers = (await statusOf(child)).map(({ pid }) => pid);
  const answers = await Promise.all(Array.from({ length: 8 }, () => get()));
  expect(new Set(answers.map(({ holder }) => holder)).size).toBe(1);
  expect(workers).toContain(answers[0]!.holder);
});

test('workers start after the agent is ready', async () => {
  const child = master({ workers: 1 }, { AGENT_START_MS: '300' });
  await child.message('the start', ({ type }) => type === 'started');
  const status = await statusOf(child);
  expect(states(status)).toEqual(['agent ready', 'worker 1 ready']);
});

test('a killed worker is replaced, and a killed agent: all workers have data from the new one', async () => {
  const child = await start({ workers: 2 });
  const before = await statusOf(child);
  process.kill(before[1]!.pid!, 'SIGKILL');
  await eventually('a new worker', async () => {
    const [, first] = await statusOf(child);
    return first!.state === 'ready' && first!.pid !== before[1]!.pid;
  });
  process.kill(before[0]!.pid!, 'SIGKILL');
  await eventually('data from a new agent in both workers', async () => {
    const [agent] = await statusOf(child);
    if (agent!.state !== 'ready' || agent!.pid === before[0]!.pid) return false;
    const answers = await Promise.all(Array.from({ length: 4 }, () => get().catch(() => undefined)));
    return answers.every((answer) => answer?.holder === agent!.pid && answer?.seen === agent!.pid);
  });
});

test.each([
  ['agent', { AGENT_FAILS: '1' }, 'the agent cannot start'],
  ['worker 1', { APP_FAILS: '1' }, 'the worker cannot start'],
])('a first start in which the %s fails ends everything and says why', async (name, env, reason) => {
  const child = master({ workers: 1 }, env);
  const failure = await child.message('the failure', ({ type }) => type === 'failed');
  expect(failure.code).toBe('ERR_TRUNKLINE_BOOT_FAILED');
  expect(failure.message).toContain(name);
  expect(failure.message).toContain(reason);
  expect(await child.exited).toEqual({ code: 1, signal: null });
});

test('a stop lets requests finish, runs the callbacks, and leaves nothing', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'trunkline-stop-'));
  const mark = join(folder, 'mark');
  const agent = new http.Agent({ keepAlive: true });
  try {
    const child = await start({ workers: 2 }, { STOP_MARK: mark });
    const status = await statusOf(child);
    await get('/', agent); // a connection that stays open
    const slow = get('/slow', agent);
    await get(); // the slow request is under way by now
    const stopped = await child.ask({ type: 'stop' });
    expect(await slow).toMatchObject({ holder: status[0]!.pid });
    expect(stopped).toMatchObject({ forced: false });
    expect(states(stopped.status as ProcessStatus[])).toEqual(['agent stopped', 'worker 1 stopped', 'worker 2 stopped']);
    expect(readdirSync(folder)).toHaveLength(2);
    expect(existsSync(`${mark}.${status[1]!.pid}`)).toBe(true);
    expect(status.some(({ pid }) => isAlive(pid!))).toBe(false);
  } finally {
    agent.destroy();
    rmSync(folder, { recursive: true, force: true });
  }
});

test('a stop lets a slow client read a large answer to its end', async () => {
  const child = await start({ workers: 1 });
  const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
    http.get({ host: '127.0.0.1', port, path: '/large' }, resolve).on('error', reject);
  });
  response.pause();
  let bytes = 0;
  response.on('data', (chunk: Buffer) => (bytes += chunk.length));
  response.pause();
  const stopped = child.ask({ type: 'stop' });
  await eventually('a draining worker', async () => (await statusOf(child))[1]!.state === 'stopping');
  const complete = new Promise((resolve, reject) => response.on('end', resolve).on('error', reject));
  response.resume();
  await complete;
  expect(bytes).toBe(32 * 1024 * 1024);
  expect(await stopped).toMatchObject({ forced: false });
});

test('a connection that says nothing and one that never ends do not keep the callbacks from running', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'trunkline-stop-'));
  const sockets = [net.connect(port, '127.0.0.1'), net.connect(port, '127.0.0.1')];
  for (const socket of sockets) socket.on('error', () => undefined);
  try {
    const child = await start({ workers: 1, stopTimeout: 1_500 }, { STOP_MARK: join(folder, 'mark') });
    const [silent, endless] = [net.connect(port, '127.0.0.1'), net.connect(port, '127.0.0.1')];
    sockets.push(silent, endless);
    for (const socket of [silent, endless]) socket.on('error', () => undefined);
    endless.write('GET / HTTP/1.1\r\nhost: x\r\n'); // a request that never becomes whole
    await get();
    expect(await child.ask({ type: 'stop' })).toMatchObject({ forced: false });
    expect(readdirSync(folder)).toHaveLength(1);
  } finally {
    for (const socket of sockets) socket.destroy();
    rmSync(folder, { recursive: true, force: true });
  }
});

test('SIGTERM to every process at once, as service managers send it, still lets requests finish', async () => {
  const child = await start({ workers: 2 });
  const status = await statusOf(child);
  const slow = get('/slow');
  await get();
  child.process.disconnect();
  for (const pid of [...status.map(({ pid }) => pid!), child.pid]) process.kill(pid, 'SIGTERM');
  expect(await slow).toMatchObject({ holder: status[0]!.pid });
  expect(await child.exited).toEqual({ code: 0, signal: null });
});

test('SIGTERM to one worker replaces it, and lets its requests finish', async () => {
  const child = await start({ workers: 1 });
  const [, worker] = await statusOf(child);
  const slow = get('/slow');
  await get();
  process.kill(worker!.pid!, 'SIGTERM');
  expect(await slow).toMatchObject({ pid: worker!.pid });
  await eventually('a new one', async () => {
    const [, now] = await statusOf(child);
    return now!.state === 'ready' && now!.pid !== worker!.pid;
  });
});

test('a master that is killed while a child still loads takes that one with it', async () => {
  const child = master({ workers: 1 }, { AGENT_BLOCKS_MS: '4000' });
  const runs = await eventually('the agent', () => /agent (\d+) loads/.exec(child.output));
  const agent = Number(runs[1]);
  pids.push(agent);
  child.kill('SIGKILL');
  await eventually('its end', () => !isAlive(agent));
});

test('what does not stop within the deadline is killed, a stopped process too, and that is said', async () => {
  const child = await start({ workers: 2, stopTimeout: 500 }, { APP_IGNORES_STOP: '1' });
  const status = await statusOf(child);
  process.kill(status[2]!.pid!, 'SIGSTOP');
  expect(await child.ask({ type: 'stop' })).toMatchObject({ forced: true });
  expect(status.some(({ pid }) => isAlive(pid!))).toBe(false);
});

test('SIGTERM to the master stops the application and the master ends by itself', async () => {
  const child = await start({ workers: 1 });
  await statusOf(child);
  child.process.disconnect(); // nothing else may keep the process alive
  child.kill('SIGTERM');
  expect(await child.exited).toEqual({ code: 0, signal: null });
});

test('a killed master takes its children with it within 2 s, also one whose loop is blocked', async () => {
  const child = await start({ workers: 2 });
  const status = await statusOf(child);
  get('/block').catch(() => undefined);
  await get(); // answered by the other worker
  const watch = new Stopwatch();
  child.kill('SIGKILL');
  await eventually('no process', () => !status.some(({ pid }) => isAlive(pid!)));
  expect(watch.ownMs()).toBeLessThan(2_000);
});

test('a reload under load loses no request, keep-alive included, and replaces every process', async () => {
  const child = await start({ workers: 2 });
  const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });
  let isOver = false;
  const served = new Set<number>();
  const failures: unknown[] = [];
  let requests = 0;
  const client = async (): Promise<void> => {
    while (!isOver) {
      await get('/self', requests++ % 2 ? agent : undefined).then(
        ({ pid }) => served.add(pid),
        (error: unknown) => failures.push(error),
      );
    }
  };
  const clients = Array.from({ length: 8 }, client);
  try {
    for (let round = 0; round < 2; round++) {
      const workers = (await statusOf(child)).slice(1);
      const reloaded = await child.ask({ type: 'reload' });
      expect(reloaded.type).toBe('reloaded');
      const after = (await statusOf(child)).slice(1);
      expect(after.map(({ state }) => state)).toEqual(['ready', 'ready']);
      expect(after.some(({ pid }) => workers.some((worker) => worker.pid === pid))).toBe(false);
    }
  } finally {
    isOver = true;
    await Promise.all(clients);
    agent.destroy();
  }
  expect(failures).toEqual([]);
  expect(requests).toBeGreaterThan(100);
  expect(served.size).toBe(6);
});

test('a stop during a reload keeps its deadline and leaves neither the old processes nor the new ones', async () => {
  const child = await start({ workers: 2, stopTimeout: 2_000 });
  const before = await statusOf(child);
  const agent = new http.Agent({ keepAlive: true });
  try {
    await Promise.all(Array.from({ length: 6 }, () => get('/self', agent))); // idle connections that a gentle end waits for
    const reload = child.ask({ type: 'reload' });
    await eventually('a new worker', async () => (await statusOf(child))[1]!.pid !== before[1]!.pid);
    const watch = new Stopwatch();
    const stopped = await child.ask({ type: 'stop' });
    expect(watch.ownMs()).toBeLessThan(2_500);
    expect(states(stopped.status as ProcessStatus[])).toEqual(['agent stopped', 'worker 1 stopped', 'worker 2 stopped']);
    await reload;
    expect([...before, ...(await statusOf(child))].some(({ pid }) => pid !== undefined && isAlive(pid))).toBe(false);
  } finally {
    agent.destroy();
  }
});

test('SIGHUP reloads: the agent too, and workers have data from the new one', async () => {
  const child = await start({ workers: 1 });
  const before = await statusOf(child);
  child.kill('SIGHUP');
  await eventually('all new', async () => {
    const after = await statusOf(child);
    const isNew = after.every(({ pid, state }, i) => state === 'ready' && pid !== before[i]!.pid);
    return isNew && (await get().catch(() => undefined))?.seen === after[0]!.pid;
  });
});

test('a reload replaces the agent without a call of a worker that fails, and without two upstream clients for long', async () => {
  const child = await start({ workers: 2 });
  const before = await statusOf(child);
  let isDone = false;
  const reload = child.ask({ type: 'reload' }).finally(() => (isDone = true));
  const holders = new Set<unknown>();
  while (!isDone) holders.add((await get()).holder); // get() throws for any bad answer
  expect((await reload).type).toBe('reloaded');
  const after = await statusOf(child);
  expect(after[0]!.pid).not.toBe(before[0]!.pid);
  await eventually('calls go to the new agent', async () => (await get()).holder === after[0]!.pid);
  expect([...holders].every((pid) => pid === before[0]!.pid || pid === after[0]!.pid)).toBe(true);
});

test('an agent that cannot start leaves the old one in its place at a reload', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'trunkline-reload-'));
  const broken = join(folder, 'broken');
  try {
    const child = await start({ workers: 1 }, { AGENT_BROKEN_FILE: broken });
    const before = await statusOf(child);
    writeFileSync(broken, '');
    expect(await child.ask({ type: 'reload' })).toMatchObject({ type: 'not-reloaded', code: 'ERR_TRUNKLINE_RELOAD_FAILED' });
    expect((await statusOf(child))[0]!.pid).toBe(before[0]!.pid);
    expect((await get()).holder).toBe(before[0]!.pid);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

test('a reload with broken code keeps the old processes and says why', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'trunkline-reload-'));
  const broken = join(folder, 'broken');
  try {
    const child = await start({ workers: 2 }, { APP_BROKEN_FILE: broken });
    const before = await statusOf(child);
    writeFileSync(broken, '');
    const outcome = await child.ask({ type: 'reload' });
    expect(outcome).toMatchObject({ type: 'not-reloaded', code: 'ERR_TRUNKLINE_RELOAD_FAILED' });
    expect(outcome.message).toContain('the worker cannot start');
    expect(identities(await statusOf(child))).toEqual(identities(before));
    await get();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

/** Quietly: neither is the program told of a failure, nor is anything written. */
async function expectQuietEnd(child: Child): Promise<void> {
  expect(await child.exited).toEqual({ code: 0, signal: null });
  expect(child.messages.filter(({ type }) => type !== 'forked')).toEqual([]);
  expect(child.output).not.toContain('Error');
  expect(pids.filter(isAlive)).toEqual([]);
}

describe.each(['SIGINT', 'SIGTERM'] as const)('%s during the start', (signal) => {
  test.each([
    ['the master', false],
    ['the whole group', true],
  ])('to %s ends it quietly while a program begins', async (_, isToAll) => {
    const child = master({ workers: 1 }, { AGENT_START_MS: '60000' });
    await eventually('the agent', () => child.output.includes('agent runs'));
    const agent = Number(/agent (\d+) loads/.exec(child.output)![1]);
    pids.push(agent);
    if (isToAll) process.kill(agent, signal);
    child.kill(signal);
    await expectQuietEnd(child);
  });

  test.each([
    ['the master', 'the agent is', true],
    ['children and master', 'the agent is', true],
    ['children, and to the master after their end,', 'the agent is', true],
    ['the master', 'the workers are', false],
    ['children and master', 'the workers are', false],
    ['children, and to the master after their end,', 'the workers are', false],
  ])('to %s ends it quietly when %s just forked', async (to, _, withAgent) => {
    const child = master({ workers: 2, withAgent }, { SIGNAL_WHEN_FORKED: signal, SIGNAL_TO: to });
    const forked = await child.message('the fork', ({ type }) => type === 'forked');
    pids.push(...(forked.pids as number[]));
    await expectQuietEnd(child);
  });

  test('to a child alone is a failure', async () => {
    const child = master({ workers: 1 }, { SIGNAL_WHEN_FORKED: signal, SIGNAL_TO: 'children' });
    const failure = await child.message('the failure', ({ type }) => type === 'failed');
    expect(failure.code).toBe('ERR_TRUNKLINE_BOOT_FAILED');
    expect(failure.message).toContain(`agent was ended by ${signal}`);
  });
});

test('a file that does not exist is refused before anything is started', async () => {
  const child = master({ app: '/nowhere/app.js' });
  const failure = await child.message('the failure', ({ type }) => type === 'failed');
  expect(failure).toMatchObject({ code: 'ERR_TRUNKLINE_OPTION_INVALID' });
  expect(failure.message).toContain('/nowhere/app.js');
});

test('SIGTERM to the whole group: workers finish their requests, and the agent stays for them', async () => {
  const child = await start({ workers: 1 });
  const [agent, worker] = await statusOf(child);
  const slow = get('/slow');
  await get();
  for (const pid of [worker!.pid!, agent!.pid!, child.pid]) process.kill(pid, 'SIGTERM');
  expect((await slow).holder).toBe(agent!.pid);
  expect(await child.exited).toEqual({ code: 0, signal: null });
});

test.each(['SIGQUIT', 'SIGINT', 'SIGHUP'] as const)('%s to a child is for its master to decide', async (signal) => {
  const child = await start({ workers: 1 });
  const before = await statusOf(child);
  for (const { pid } of before) process.kill(pid!, signal);
  const answer = await get('/slow');
  expect(answer.pid).toBe(before[1]!.pid);
  expect(identities(await statusOf(child))).toEqual(identities(before));
});

test('a worker that overruns its stop is told of as force', async () => {
  const child = await start({ workers: 1, stopTimeout: 600 }, { APP_IGNORES_STOP: '1' });
  expect(await child.ask({ type: 'stop' })).toMatchObject({ forced: true });
});

(existsSync('/dev/full') ? test : test.skip)('a full disk under the output ends nobody', async () => {
  const full = openSync('/dev/full', 'w');
  const child = fork(join(__dirname, '../../dist/test/fixtures/supervisor-master.js'), [], {
    env: { ...process.env, OPTIONS: JSON.stringify({ workers: 1, logger: null }), PORT: String(port) },
    stdio: ['ignore', full, full, 'ipc'],
  });
  closeSync(full);
  try {
    let status: ProcessStatus[] = [];
    child.on('message', (message: { type?: string; status: ProcessStatus[] }) => {
      if (message.type === 'started') ({ status } = message);
    });
    await eventually('the start', () => status.length > 0); // programs of the fixture have written lines by then
    remember(status);
    child.kill('SIGTERM');
    expect(await once(child, 'exit')).toEqual([0, null]);
  } finally {
    child.kill('SIGKILL');
  }
});
