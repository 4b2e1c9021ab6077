// What the master does about children in trouble, and about changes of how many there are.

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Child } from '../support/child';
import { eventually } from '../support/eventually';
import { isAlive } from '../support/processes';

interface Process {
  readonly name: string;
  readonly pid: number;
  readonly state: string;
  readonly restarts: number;
  readonly memoryBytes: number;
  readonly lastEnd: string | undefined;
}

let master: Child | undefined;
let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'trunkline-alive-'));
});

afterEach(async () => {
  await master?.stop();
  master = undefined;
  rmSync(folder, { recursive: true, force: true });
});

async function start(options: object = {}, env: Record<string, string> = {}): Promise<Child> {
  master = new Child('puppet-master', { OPTIONS: JSON.stringify({ profileDir: folder, ...options }), ...env });
  await master.message('the start', ({ type }) => type === 'started');
  return master;
}

async function statusOf(): Promise<[Process, Process, ...Process[]]> {
  return (await master!.ask({ type: 'status' })).status as [Process, Process, ...Process[]];
}

function tell(pid: number, action: string, data?: unknown): void {
  master!.send({ type: 'send', method: 'sendTo', args: [pid, action, data] });
}

const replaced = (before: Process): Promise<Process> =>
  eventually(`another process in the place of ${before.name}`, async () => {
    const now = (await statusOf()).find(({ name }) => name === before.name)!;
    return now.state === 'ready' && now.pid !== before.pid ? now : undefined;
  });

test('a blocked worker is replaced, and its stack and profile are kept', async () => {
  await start({ blockedTimeout: 400 });
  const [, worker] = await statusOf();
  tell(worker.pid, 'block');
  const successor = await replaced(worker);
  expect(successor.lastEnd).toContain('its event loop was blocked');
  const kept = readdirSync(folder);
  const stack = kept.find((name) => name.endsWith('.stack.txt'));
  expect(successor.lastEnd).toContain(join(folder, stack!));
  expect(readFileSync(join(folder, stack!), 'utf8')).toMatch(/puppet\.js/);
  expect(kept.some((name) => name.endsWith('.cpuprofile'))).toBe(true);
});

test('a stopped worker is replaced too', async () => {
  await start({ blockedTimeout: 400 });
  const [, worker] = await statusOf();
  await eventually('it has said how it feels', async () => (await statusOf())[1].memoryBytes > 0);
  process.kill(worker.pid, 'SIGSTOP');
  await replaced(worker);
  expect(isAlive(worker.pid)).toBe(false);
});

test('a worker above the hard limit of memory is replaced at once, and that is said', async () => {
  await start({ hardMaxMemory: '300MB', blockedTimeout: 400 });
  const [, worker] = await statusOf();
  tell(worker.pid, 'grow', 320);
  expect((await replaced(worker)).lastEnd).toMatch(/used \d+ MB of memory \(hardMaxMemory\)/);
});

test('a worker that leaves its master is replaced, and ends', async () => {
  await start();
  const [, worker] = await statusOf();
  tell(worker.pid, 'disconnect');
  await replaced(worker);
  await eventually('its end', () => !isAlive(worker.pid));
});

test.each(['stop', 'restart'])('what a worker has started ends with it: %s', async (type) => {
  await start();
  const [, worker] = await statusOf();
  tell(worker.pid, 'spawn');
  const { spawned } = await master!.message('the grandchildren', (message) => message.spawned !== undefined);
  const outcome = await master!.ask({ type });
  expect((spawned as number[]).filter(isAlive)).toEqual([]);
  if (type === 'stop') expect(outcome.forced).toBe(true);
});

test('a crash loop is shown, and ends when the program is mended', async () => {
  const broken = join(folder, 'broken');
  await start({ workers: 1 }, { BROKEN_FILE: broken });
  const [, worker] = await statusOf();
  writeFileSync(broken, '');
  process.kill(worker.pid, 'SIGKILL');
  await eventually('the crash loop', async () => (await statusOf())[1].state === 'crash-loop');
  rmSync(broken);
  const successor = await eventually(
    'a worker that runs',
    async () => (await statusOf()).find(({ state, name }) => name === 'worker 1' && state === 'ready'),
    30_000,
  );
  expect(successor.restarts).toBeGreaterThanOrEqual(5);
  expect(successor.lastEnd).toContain('broken for now');
});

test('more workers, fewer workers; new ones that fail change nothing', async () => {
  const broken = join(folder, 'broken');
  await start({ workers: 2 }, { BROKEN_FILE: broken });
  await master!.ask({ type: 'scale', args: [4] });
  const four = await statusOf();
  expect(four.map(({ name, state }) => `${name} ${state}`)).toEqual(
    [1, 2, 3, 4].reduce((all, i) => [...all, `worker ${i} ready`], ['agent ready']),
  );
  await master!.ask({ type: 'scale', args: [1] });
  expect((await statusOf()).map(({ name }) => name)).toEqual(['agent', 'worker 1']);
  expect(four.slice(2).filter(({ pid }) => isAlive(pid))).toEqual([]);
  for (const wrong of [0, -1, 1.5, 'x']) {
    expect(await master!.ask({ type: 'scale', args: [wrong] })).toMatchObject({
      type: 'failed',
      message: expect.stringContaining('option workers must be'),
    });
  }
  writeFileSync(broken, '');
  expect(await master!.ask({ type: 'scale', args: [3] })).toMatchObject({
    type: 'failed',
    message: expect.stringContaining('broken for now'),
  });
  expect((await statusOf()).map(({ name }) => name)).toEqual(['agent', 'worker 1']);
});

test('a restart gives every place another process', async () => {
  await start();
  const before = await statusOf();
  await master!.ask({ type: 'restart' });
  const after = await statusOf();
  expect(after.map(({ state }) => state)).toEqual(['ready', 'ready', 'ready']);
  for (const { pid } of before) expect(isAlive(pid)).toBe(false);
});

/** Pids of all children of the master, known to the master or not. */
function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').filter(Boolean).map(Number).filter(isAlive);
}

test('a successor that dies while the old worker still drains is replaced at once', async () => {
  const child = await start({ workers: 1 });
  const [, old] = await statusOf();
  tell(old.pid, 'hold');
  const reload = child.ask({ type: 'reload' });
  const successor = await replaced(old);
  process.kill(successor.pid, 'SIGKILL');
  await replaced(successor);
  expect(isAlive(old.pid)).toBe(true);
  tell(old.pid, 'go on');
  await reload;
});

test('a reload while a place waits for its next start leaves one child in it', async () => {
  const broken = join(folder, 'broken');
  const child = await start({ workers: 1 }, { BROKEN_FILE: broken });
  const [, worker] = await statusOf();
  writeFileSync(broken, '');
  process.kill(worker.pid, 'SIGKILL');
  await eventually('the pause', async () => (await statusOf())[1].state === 'waiting' && (await statusOf())[1].restarts > 2);
  rmSync(broken);
  expect(await child.ask({ type: 'reload' })).toMatchObject({ type: 'done' });
  await eventually('one agent and one worker', async () => {
    const pids = (await statusOf()).map(({ pid }) => pid);
    return JSON.stringify(childrenOf(child.pid).sort()) === JSON.stringify(pids.sort());
  });
});

test('a stop while workers are being added leaves none of them', async () => {
  const child = await start({ workers: 1 });
  const scale = child.ask({ type: 'scale', args: [4] });
  await eventually('new workers', () => childrenOf(child.pid).length > 2);
  await child.ask({ type: 'stop' });
  expect(childrenOf(child.pid)).toEqual([]);
  expect((await scale).type).toBe('failed');
});

test('SIGHUP while the application starts waits for it', async () => {
  master = new Child('puppet-master', { OPTIONS: JSON.stringify({ workers: 1 }) });
  await eventually('the agent boots', () => childrenOf(master!.pid).length > 0);
  master.kill('SIGHUP');
  const started = await master.message('the start', ({ type }) => type === 'started' || type === 'failed');
  expect(started).toMatchObject({ type: 'started' });
  const before = (started.status as Process[]).map(({ pid }) => pid);
  await eventually('the reload', async () =>
    (await statusOf()).every(({ pid, state }) => state === 'ready' && !before.includes(pid)),
  );
});

test('a pause of the master is not blamed on its children', async () => {
  master = new Child('puppet-master', { OPTIONS: JSON.stringify({ workers: 1, startTimeout: 1_500 }) });
  await eventually('the agent boots', () => childrenOf(master!.pid).length > 0);
  master.kill('SIGSTOP');
  await wait(2_000); // the pause is the condition
  master.kill('SIGCONT');
  expect(await master.message('the start', ({ type }) => type === 'started' || type === 'failed')).toMatchObject({
    type: 'started',
  });
});

test('a worker that runs again is kept', async () => {
  await start({ blockedTimeout: 500 });
  const [, worker] = await statusOf();
  await eventually('it has said how it feels', async () => (await statusOf())[1].memoryBytes > 0);
  process.kill(worker.pid, 'SIGSTOP');
  await eventually('it is noticed', async () =>
    ((await master!.ask({ type: 'status' })).lines as string[]).some((line) => line.includes('is blocked')),
  );
  process.kill(worker.pid, 'SIGCONT');
  await eventually('the verdict', async () =>
    ((await master!.ask({ type: 'status' })).lines as string[]).some((line) => line.includes('runs again')),
  );
  expect((await statusOf())[1].pid).toBe(worker.pid);
});

test('what a worker has started ends with it also when that crashes', async () => {
  await start();
  const [, worker] = await statusOf();
  tell(worker.pid, 'spawn');
  const { spawned } = await master!.message('the grandchildren', (message) => message.spawned !== undefined);
  tell(worker.pid, 'crash');
  expect((await replaced(worker)).lastEnd).toContain('crashed as told');
  await eventually('their end', () => (spawned as number[]).filter(isAlive).length === 0);
});

test('a stop while an old worker drains runs its callbacks', async () => {
  const child = await start({ workers: 1 });
  const [, old] = await statusOf();
  const mark = join(folder, 'mark');
  tell(old.pid, 'mark', mark);
  tell(old.pid, 'hold');
  const reload = child.ask({ type: 'reload' });
  await replaced(old);
  const stop = child.ask({ type: 'stop' });
  tell(old.pid, 'go on');
  expect(await stop).toMatchObject({ forced: false });
  expect(existsSync(mark)).toBe(true);
  await reload;
});

test('a worker above the soft limit of memory gets a successor first', async () => {
  await start({ workers: 2, maxMemory: '250MB' });
  const [agent, worker, other] = await statusOf();
  tell(worker.pid, 'grow', 260);
  // Only a worker that has been ready for ten seconds: the next worker would need as much as a worker that has just started.
  const successor = await eventually(
    'the successor',
    async () => {
      const [, now] = await statusOf();
      expect(now.state).toBe('ready'); // at any moment
      return now.pid !== worker.pid && now;
    },
    20_000,
  );
  expect(successor).toMatchObject({ restarts: 0, lastEnd: undefined });
  expect((await statusOf()).filter(({ pid }) => pid === agent.pid || pid === other!.pid).length).toBe(2);
});

test('a second reload waits its turn', async () => {
  const child = await start({ workers: 1 });
  const [, first] = await statusOf();
  const outcomes = Promise.all([child.ask({ type: 'reload' }), child.ask({ type: 'reload' })]);
  const second = await replaced(first);
  const third = await replaced(second);
  expect(new Set([first.pid, second.pid, third.pid]).size).toBe(3);
  expect((await outcomes).map(({ type }) => type)).toEqual(['done', 'done']);
  expect((await statusOf())[1].pid).toBe(third.pid);
});
