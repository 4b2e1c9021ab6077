// The desired state of an application: the order of starts and stops, reloads, scales. No process is started, and time is moved
// by the test.

import { Master } from '../../../src/supervisor/master/master';
import type { ProgramOptions } from '../../../src/supervisor/host/options';
import { FakeChildren, resolvedOptions, settled, type FakeChild } from '../../support/fake-children';
import { recordingLogger } from '../../support/recording-logger';

/** How long a new process must live before a change relies on it. */
const SETTLE_MS = 500;
const LONGEST_PAUSE_MS = 30_000;

let children: FakeChildren;
let master: Master;

function createMaster(options: Partial<ProgramOptions> = {}): void {
  children = new FakeChildren();
  master = new Master(resolvedOptions({ logger: recordingLogger(), ...options }), children.means);
}

const names = (of: readonly FakeChild[] = children.all): string[] => of.map(({ name }) => name);
/** The ports of the application are chosen, and everything that follows from that has happened. */
const tasks = (): string[] => names(children.all.filter(({ hasTask }) => hasTask));

async function becomeReady(name: string): Promise<FakeChild> {
  const child = children.last(name);
  child.becomeReady();
  await settled();
  return child;
}

async function startAll(options: Partial<ProgramOptions> = {}): Promise<void> {
  createMaster(options);
  const started = master.start();
  await settled();
  await becomeReady('agent');
  for (const { name } of master.status.filter(({ name }) => name !== 'agent')) await becomeReady(name);
  expect(await started).toBe(true);
}

function outcomeOf(promise: Promise<unknown>): { is: unknown } {
  const outcome: { is: unknown } = { is: 'pending' };
  promise.then(
    (value) => (outcome.is = value),
    (error: unknown) => (outcome.is = error),
  );
  return outcome;
}

describe('a start', () => {
  test('gives the workers their task when the agent is ready, and is over when all are', async () => {
    createMaster();
    const started = outcomeOf(master.start());
    await settled();
    expect([names(), tasks()]).toEqual([['agent', 'worker 1', 'worker 2'], ['agent']]);
    await becomeReady('agent');
    expect(tasks()).toEqual(['agent', 'worker 1', 'worker 2']);
    await becomeReady('worker 2');
    expect(started.is).toBe('pending');
    await becomeReady('worker 1');
    expect(started.is).toBe(true);
    expect(master.status.map(({ name, state }) => [name, state])).toEqual([
      ['agent', 'ready'],
      ['worker 1', 'ready'],
      ['worker 2', 'ready'],
    ]);
    for (const child of children.all) {
      expect(child.told).toContain('started');
      expect(child.heard).toContainEqual(expect.objectContaining({ action: 'egg-ready' }));
    }
  });

  test.each(['agent', 'worker 1'])('fails when the %s dies before it is ready, and everything is stopped', async (name) => {
    createMaster();
    const started = outcomeOf(master.start());
    await settled();
    if (name !== 'agent') await becomeReady('agent');
    children.last(name).say({ trunkline: 'failed', reason: 'Error: no configuration' });
    await children.last(name).exit(1);
    const others = children.all.filter((child) => child.name !== name);
    for (const other of ['worker 1', 'worker 2', 'agent'].flatMap((each) => others.filter((child) => child.name === each))) {
      expect(other.orders).toEqual([other.hasTask ? 'stop' : 'terminate']);
      await other.exit(0);
    }
    expect(started.is).toMatchObject({
      code: 'ERR_TRUNKLINE_BOOT_FAILED',
      process: name,
      exitCode: 1,
      message: expect.stringContaining('Error: no configuration') as string,
    });
    expect(await master.ended).toEqual({ forced: false });
    expect(children.all).toHaveLength(3);
  });

  test('that is stopped is over when all have ended, and is no failure', async () => {
    createMaster();
    const started = outcomeOf(master.start());
    await settled();
    await becomeReady('agent');
    const stopped = outcomeOf(master.stop());
    await settled();
    expect(children.last('agent').orders).toEqual([]); // after the workers
    await children.last('worker 1').exit(0);
    await children.last('worker 2').exit(0);
    expect(children.last('agent').orders).toEqual(['stop']);
    await children.last('agent').exit(0);
    expect([started.is, stopped.is]).toEqual([false, { forced: false }]);
    expect(children.all).toHaveLength(3);
  });

  test('that is stopped by a death of a child, which the stop has asked for, is no failure either', async () => {
    createMaster();
    const started = outcomeOf(master.start());
    await settled();
    void master.stop();
    for (const name of ['worker 1', 'worker 2']) await children.last(name).exit(null, 'SIGTERM');
    await children.last('agent').exit(1);
    expect(started.is).toBe(false);
  });
});

test('a worker that dies is started again, and the others are told who is there', async () => {
  await startAll();
  await children.pass(10_000);
  const agent = children.last('agent');
  const before = children.last('worker 1');
  await before.exit(1);
  await children.pass(0);
  const next = await becomeReady('worker 1');
  expect(next).not.toBe(before);
  expect(next.told).toContain('started');
  const pids = agent.heard.filter((message) => 'action' in message && message.action === 'egg-pids');
  expect(pids.at(-1)).toMatchObject({ data: [next.id, children.last('worker 2').id] });
  expect(master.status[1]).toMatchObject({ restarts: 1, state: 'ready' });
});

describe('a reload', () => {
  test('replaces worker after worker, then the agent, each when the next one lives', async () => {
    await startAll();
    const old = [...children.all];
    const reloaded = outcomeOf(master.reload());
    for (const name of ['worker 1', 'worker 2', 'agent']) {
      await settled();
      const before = old.find((child) => child.name === name)!;
      expect([children.last().name, before.orders]).toEqual([name, []]);
      await becomeReady(name);
      await children.pass(SETTLE_MS);
      expect(before.orders).toEqual(['stop']);
      if (name !== 'agent') await before.exit(0);
    }
    expect(reloaded.is).toBeUndefined();
    expect(children.all).toHaveLength(6);
    expect(children.last('agent').spec.env.TRUNKLINE_SEAT).not.toEqual(old[0]!.spec.env.TRUNKLINE_SEAT);
  });

  test('ends at the first worker whose next one dies, and nothing else is replaced', async () => {
    await startAll();
    const old = [...children.all];
    const reloaded = outcomeOf(master.reload());
    await settled();
    await children.last('worker 1').exit(1);
    expect(reloaded.is).toMatchObject({ code: 'ERR_TRUNKLINE_RELOAD_FAILED', process: 'worker 1' });
    expect(old.map(({ orders }) => orders)).toEqual([[], [], []]);
    expect(master.status.map(({ state }) => state)).toEqual(['ready', 'ready', 'ready']);
    await children.pass(LONGEST_PAUSE_MS);
    expect(children.all).toHaveLength(4);
  });

  test('waits for the reload before', async () => {
    await startAll();
    const first = outcomeOf(master.reload('workers'));
    const second = outcomeOf(master.reload('workers'));
    await settled();
    expect(children.all).toHaveLength(4);
    await children.last().exit(1);
    await settled();
    expect([(first.is as Error).message, second.is]).toEqual([expect.stringContaining('worker 1') as string, 'pending']);
    expect(children.all).toHaveLength(5);
  });

  test('that is overtaken by a stop says that the application is stopping', async () => {
    await startAll();
    const reloaded = outcomeOf(master.reload());
    await settled();
    const stopped = outcomeOf(master.stop());
    await settled();
    for (const child of children.all.filter(({ name }) => name !== 'agent')) await child.exit(0);
    await children.last('agent').exit(0);
    expect(reloaded.is).toMatchObject({ message: 'the application is stopping' });
    expect(stopped.is).toEqual({ forced: false });
  });
});

describe('a scale', () => {
  test('up adds workers that have become ready and live', async () => {
    await startAll();
    const scaled = outcomeOf(master.scale(3));
    await settled();
    await becomeReady('worker 3');
    expect([scaled.is, master.status.length]).toEqual(['pending', 3]);
    await children.pass(SETTLE_MS);
    expect([scaled.is, master.status.map(({ name }) => name)]).toEqual([
      undefined,
      ['agent', 'worker 1', 'worker 2', 'worker 3'],
    ]);
  });

  test('up fails when a new worker dies, and the number is as before', async () => {
    await startAll();
    const scaled = outcomeOf(master.scale(4));
    await settled();
    await becomeReady('worker 3');
    await children.last('worker 4').exit(1);
    expect(children.last('worker 3').orders).toEqual(['stop']);
    await children.last('worker 3').exit(0);
    expect(scaled.is).toMatchObject({
      code: 'ERR_TRUNKLINE_RELOAD_FAILED',
      message: expect.stringContaining('there are 2 as before') as string,
    });
    expect(master.status).toHaveLength(3);
    await children.pass(LONGEST_PAUSE_MS);
    expect(children.all).toHaveLength(5);
  });

  test('down lets the highest numbers go', async () => {
    await startAll({ workers: 3 });
    const scaled = outcomeOf(master.scale(1));
    await settled();
    expect(children.all.filter(({ orders }) => orders.length > 0).map(({ name }) => name)).toEqual(['worker 2', 'worker 3']);
    await children.last('worker 2').exit(0);
    await children.last('worker 3').exit(0);
    expect([scaled.is, master.status.map(({ name }) => name)]).toEqual([undefined, ['agent', 'worker 1']]);
  });
});

test('a restart lets the agent go first, then all workers together', async () => {
  await startAll();
  const restarted = outcomeOf(master.restart());
  await settled();
  const order = (): string[] => children.all.filter(({ orders }) => orders.length > 0).map(({ name }) => name);
  expect(order()).toEqual(['agent']);
  await children.last('agent').exit(0);
  await becomeReady('agent');
  expect(order()).toEqual(['agent', 'worker 1', 'worker 2']);
  for (const name of ['worker 1', 'worker 2']) await children.last(name).exit(0);
  for (const name of ['worker 1', 'worker 2']) await becomeReady(name);
  await children.pass(SETTLE_MS);
  expect([restarted.is, children.all.length]).toEqual([undefined, 6]);
});

describe('a stop', () => {
  test('lets workers go before the agent, and kills what refuses', async () => {
    await startAll({ stopTimeout: 1_000 });
    const stopped = outcomeOf(master.stop());
    await settled();
    await children.last('worker 1').exit(0);
    await children.pass(800); // the workers' share
    expect(children.last('worker 2').orders).toEqual(['stop', 'kill']);
    expect(children.last('agent').orders).toEqual([]);
    await children.last('worker 2').exit(null, 'SIGKILL');
    expect(children.last('agent').orders).toEqual(['stop']);
    await children.pass(200);
    expect(children.last('agent').orders).toEqual(['stop', 'kill']);
    await children.last('agent').exit(null, 'SIGKILL');
    expect(stopped.is).toEqual({ forced: true });
    expect(await master.ended).toEqual({ forced: true });
  });

  test('starts no agent again that dies while the workers still finish', async () => {
    await startAll();
    const stopped = outcomeOf(master.stop());
    await settled();
    await children.last('agent').exit(1);
    await children.pass(LONGEST_PAUSE_MS);
    expect(children.all).toHaveLength(3);
    for (const name of ['worker 1', 'worker 2']) await children.last(name).exit(0);
    expect(stopped.is).toEqual({ forced: false });
  });

  test('is a single one however often it is asked for', async () => {
    await startAll();
    expect(master.stop()).toBe(master.stop());
  });

  test('by force kills everything at once', async () => {
    await startAll();
    master.kill();
    await settled();
    expect(children.all.map(({ orders }) => orders.includes('kill'))).toEqual([true, true, true]);
  });
});

test('a worker that needs too much memory gets a successor, and is killed at the hard limit', async () => {
  await startAll({ maxMemory: 1_000, hardMaxMemory: 2_000, blockedTimeout: 0 });
  const old = children.last('worker 1');
  const report = (memoryBytes: number): void =>
    old.say({ trunkline: 'alive', memoryBytes, eventLoopDelayMs: 0, isInspected: false });
  report(1_001);
  await settled();
  expect(children.all).toHaveLength(3); // not in its first ten seconds
  await children.pass(10_000);
  report(1_001);
  await settled();
  expect([children.all.length, children.last().name, old.orders]).toEqual([4, 'worker 1', []]);
  report(2_001);
  expect(old.orders).toEqual(['kill']);
});
