// A slot of the application, which must always be occupied: starts, restarts, reloads and stops. No process is started, and time
// is moved by the test.

import { Rollout } from '../../../src/supervisor/master/rollout';
import { Slot, type SlotEvents } from '../../../src/supervisor/master/slot';
import { childSpec, FakeChildren, settled, type FakeChild } from '../../support/fake-children';
import { recordingLogger } from '../../support/recording-logger';

const START_MS = 60_000;
const STOP_MS = 5_000;
/** The longest pause between two starts. */
const LONGEST_PAUSE_MS = 30_000;
/** How long a child must have been ready for its end to be no failure. */
const STABLE_MS = 10_000;

let children: FakeChildren;
let logger: ReturnType<typeof recordingLogger>;
let happened: string[];
let slot: Slot;

afterEach(() => jest.restoreAllMocks());

beforeEach(() => {
  jest.spyOn(Math, 'random').mockReturnValue(0.5); // half of the jitter of each pause
  children = new FakeChildren();
  logger = recordingLogger();
  happened = [];
  slot = new Slot({
    name: 'worker 1',
    kind: 'worker',
    spec: (_, inherits) => childSpec({}, { inherits }),
    limits: { startTimeoutMs: START_MS, stopTimeoutMs: STOP_MS },
    events: slotEvents(),
    logger,
    means: children.means,
  });
});

function slotEvents(): SlotEvents {
  return {
    onStarted: (_, { pid }) => void happened.push(`started ${pid}`),
    onReady: ({ pid }) => void happened.push(`ready ${pid}`),
    onGone: (_, { pid, wasTold }) => void happened.push(`gone ${pid}${wasTold ? ' as told' : ''}`),
    onEnded: (_, { pid }) => void happened.push(`ended ${pid}`),
    onHealth: () => undefined,
    onMessage: () => undefined,
    onMail: () => undefined,
    onHandled: () => undefined,
    onDrained: () => undefined,
  };
}

async function startReady(): Promise<FakeChild> {
  slot.start();
  const child = children.last();
  child.becomeReady();
  await settled();
  return child;
}

const rollout = (): Rollout => new Rollout(children.clock);
/** How a promise has settled: its error, or undefined when it is fulfilled; `pending` before. */
function outcomeOf(promise: Promise<unknown>): { is: unknown } {
  const outcome: { is: unknown } = { is: 'pending' };
  promise.then(
    () => (outcome.is = undefined),
    (error: unknown) => (outcome.is = error),
  );
  return outcome;
}

describe('a start', () => {
  test('is over with the first report of readiness', async () => {
    expect(slot.state).toBe('waiting');
    slot.start();
    expect([slot.state, children.last().hasTask]).toEqual(['starting', true]);
    children.last().becomeReady();
    const child = await slot.firstReady;
    expect([slot.state, slot.readyChild, slot.pid]).toEqual(['ready', child, children.last().id]);
    expect(happened).toEqual([`started ${slot.pid}`, `ready ${slot.pid}`]);
  });

  test('happens once', () => {
    slot.start();
    slot.start();
    expect(children.all).toHaveLength(1);
  });

  test('fails with the end of a child that dies before it is ready, and nothing is started again', async () => {
    slot.start();
    const failed = expect(slot.firstReady).rejects.toMatchObject({ code: 1, reason: 'Error: no' });
    children.last().say({ trunkline: 'failed', reason: 'Error: no' });
    await children.last().exit(1);
    await failed;
    await children.pass(LONGEST_PAUSE_MS);
    expect(children.all).toHaveLength(1);
  });

  test('that ends by a signal waits whether the application ends by the same signal', async () => {
    slot.start();
    const failure = outcomeOf(slot.firstReady);
    await children.last().exit(null, 'SIGTERM');
    expect(failure.is).toBe('pending');
    await children.pass(100);
    expect(failure.is).toMatchObject({ signal: 'SIGTERM' });
  });

  test('that takes too long ends with a kill that says what is missing', async () => {
    slot.start();
    const failed = expect(slot.firstReady).rejects.toMatchObject({
      reason: `not ready after ${START_MS} ms (startTimeout): it neither listens nor calls ready()`,
    });
    await children.pass(START_MS);
    expect(children.last().orders).toEqual(['kill']);
    await children.last().exit(null, 'SIGKILL');
    await children.pass(100);
    await failed;
  });

  test('takes the process that was prepared, and gives it the task only then', () => {
    slot.prepare();
    expect([children.all.length, children.last().hasTask, happened]).toEqual([1, false, []]);
    slot.start();
    expect([children.all.length, children.last().hasTask]).toEqual([1, true]);
  });

  test('makes another process when the prepared one has died, and nobody is told of that', async () => {
    slot.prepare();
    await children.last().exit(null, 'SIGKILL');
    slot.start();
    expect(children.all.map(({ hasTask }) => hasTask)).toEqual([false, true]);
    children.last().becomeReady();
    await slot.firstReady;
    expect(slot.status).toMatchObject({ state: 'ready', restarts: 0, lastEnd: undefined });
  });
});

describe('a child that dies', () => {
  test('after ten seconds is replaced at once', async () => {
    const child = await startReady();
    await children.pass(STABLE_MS);
    await child.exit(1);
    await children.pass(0);
    expect(children.all).toHaveLength(2);
    expect(slot.status).toMatchObject({ state: 'starting', restarts: 1, lastEnd: 'ended with code 1' });
  });

  test('again and again is started after growing pauses, and is a crash loop that goes on', async () => {
    await startReady();
    const states: string[] = [];
    for (let i = 0; i < 6; i++) {
      const launched = children.all.length;
      const line = logger.lines.length;
      await children.last().exit(1);
      states.push(slot.state);
      const pauseMs = Number(/next start in (\d+) ms/.exec(logger.lines[line]!.message)![1]);
      if (pauseMs > 0) {
        await children.pass(pauseMs - 1);
        expect(children.all).toHaveLength(launched);
      }
      await children.pass(pauseMs === 0 ? 0 : 1);
      expect(children.all).toHaveLength(launched + 1);
    }
    const pauses = logger.lines.map(({ message }) => Number(/in (\d+) ms/.exec(message)![1]));
    expect(pauses).toEqual([0, 200, 350, 575, 913, 1419]);
    expect(states).toEqual(['waiting', 'waiting', 'waiting', 'waiting', 'crash-loop', 'crash-loop']);
    // The program is mended.
    children.last().becomeReady();
    expect(slot.state).toBe('ready');
    await children.pass(STABLE_MS);
    await children.last().exit(1);
    expect(slot.state).toBe('waiting');
  });

  test('that has disconnected is replaced at once, and told to go', async () => {
    const child = await startReady();
    await children.pass(STABLE_MS);
    child.disconnect();
    await children.pass(200);
    expect(child.orders).toEqual(['terminate']);
    expect(children.all).toHaveLength(2);
    expect(slot.status.lastEnd).toBe('has disconnected from its master');
    await children.pass(STOP_MS);
    expect(child.orders).toEqual(['terminate', 'kill']);
  });
});

test('a child that gets SIGTERM alone is told to go and replaced; with the application it is the master who decides', async () => {
  const child = await startReady();
  child.say({ trunkline: 'sigterm' });
  await children.pass(99);
  expect(child.orders).toEqual([]);
  await children.pass(1);
  expect([child.orders, slot.state]).toEqual([['stop'], 'draining']);
  await child.exit(0);
  await children.pass(LONGEST_PAUSE_MS);
  const next = children.last();
  next.becomeReady();
  next.say({ trunkline: 'sigterm' });
  slot.retire();
  await children.pass(100);
  expect(next.orders).toEqual([]);
});

describe('a reload', () => {
  const WITHIN_MS = 30_000;

  test('replaces the child when the next one has been ready for a while', async () => {
    const old = await startReady();
    const reloaded = outcomeOf(slot.reload(WITHIN_MS, rollout()));
    const next = children.last();
    expect([next.spec.task.inherits, old.orders]).toEqual([true, []]);
    next.becomeReady();
    await settled();
    await children.pass(499);
    expect([reloaded.is, old.orders, slot.pid]).toEqual(['pending', [], old.id]);
    await children.pass(1);
    expect([reloaded.is, old.orders, slot.pid]).toEqual([undefined, ['stop'], next.id]);
    expect(next.told).toEqual(['inherited', 'installed']);
    expect(slot.living).toHaveLength(2);
    const drained = outcomeOf(slot.drained());
    await old.exit(0);
    await settled();
    expect([drained.is, slot.living.length, slot.status.restarts]).toEqual([undefined, 1, 0]);
  });

  test.each(['before it is ready', 'soon after it was ready'])(
    'fails when the next one dies %s, and the old one stays',
    async (when) => {
      const old = await startReady();
      const reloaded = outcomeOf(slot.reload(WITHIN_MS, rollout()));
      const next = children.last();
      if (when === 'soon after it was ready') {
        next.becomeReady();
        await children.pass(100);
      }
      next.say({ trunkline: 'failed', reason: 'Error: broken release' });
      await next.exit(1);
      await settled();
      expect(reloaded.is).toMatchObject({
        code: 'ERR_TRUNKLINE_RELOAD_FAILED',
        message: expect.stringContaining('Error: broken release') as string,
      });
      await children.pass(LONGEST_PAUSE_MS);
      expect([slot.state, slot.pid, old.orders, children.all.length]).toEqual(['ready', old.id, [], 2]);
    },
  );

  test('goes on when the old one dies meanwhile, and the child that was started meanwhile is told to go', async () => {
    const old = await startReady();
    const reloaded = outcomeOf(slot.reload(WITHIN_MS, rollout()));
    const next = children.last();
    await old.exit(1);
    await children.pass(0);
    const another = children.last();
    expect([slot.pid, children.all.length]).toEqual([another.id, 3]);
    next.becomeReady();
    await settled();
    await children.pass(500);
    expect([reloaded.is, slot.pid, another.orders]).toEqual([undefined, next.id, ['stop']]);
  });

  test('kills an old one that does not finish in time', async () => {
    const old = await startReady();
    void slot.reload(WITHIN_MS, rollout());
    children.last().becomeReady();
    await settled();
    await children.pass(500);
    await children.pass(WITHIN_MS - 1);
    expect(old.orders).toEqual(['stop']);
    await children.pass(1);
    expect(old.orders).toEqual(['stop', 'kill']);
  });

  test('that is overtaken by a stop fails, and both children are told to go', async () => {
    const old = await startReady();
    const reloaded = outcomeOf(slot.reload(WITHIN_MS, rollout()));
    const next = children.last();
    const stopped = outcomeOf(slot.stop(STOP_MS));
    expect([old.orders, next.orders]).toEqual([['stop'], ['stop']]);
    await old.exit(0);
    await next.exit(0);
    await settled();
    expect(reloaded.is).toMatchObject({ message: 'worker 1: the application is stopping' });
    expect([stopped.is, slot.state]).toEqual([undefined, 'stopped']);
  });
});

test('a restart lets the child go first, and is over when the next one is ready', async () => {
  const old = await startReady();
  const restarted = outcomeOf(slot.restart(rollout()));
  expect([old.orders, children.all.length, slot.state]).toEqual([['stop'], 1, 'draining']);
  await old.exit(0);
  await settled();
  expect([children.all.length, slot.state, restarted.is]).toEqual([2, 'starting', 'pending']);
  children.last().becomeReady();
  await settled();
  expect([restarted.is, slot.status.lastEnd]).toEqual([undefined, undefined]);
});

test('a restart does not wait for the end of a pause', async () => {
  await startReady();
  await children.last().exit(1);
  await children.pass(0);
  await children.last().exit(1);
  expect(slot.state).toBe('waiting');
  void slot.restart(rollout());
  expect([slot.state, children.all.length]).toEqual(['starting', 3]);
  await children.pass(LONGEST_PAUSE_MS);
  expect(children.all).toHaveLength(3);
});

describe('a stop', () => {
  test('is over when the child has ended, and needs no force', async () => {
    const child = await startReady();
    const stopped = slot.stop(STOP_MS);
    expect([child.orders, slot.state]).toEqual([['stop'], 'stopping']);
    await child.exit(0);
    expect(await stopped).toBe(false);
    expect(slot.state).toBe('stopped');
    await children.pass(LONGEST_PAUSE_MS);
    expect(children.all).toHaveLength(1);
  });

  test('kills a child that refuses, and says that force was needed', async () => {
    const child = await startReady();
    const stopped = slot.stop(STOP_MS);
    await children.pass(STOP_MS);
    expect(child.orders).toEqual(['stop', 'kill']);
    await child.exit(null, 'SIGKILL');
    expect(await stopped).toBe(true);
  });

  test('while the child starts ends the start', async () => {
    slot.start();
    const started = outcomeOf(slot.firstReady);
    const stopped = slot.stop(STOP_MS);
    await children.last().exit(0);
    expect(await stopped).toBe(false);
    expect(started.is).toMatchObject({ code: 0 });
  });

  test('ends a prepared process, which has no task, by a signal', async () => {
    slot.prepare();
    const stopped = slot.stop(STOP_MS);
    expect(children.last().orders).toEqual(['terminate']);
    await children.last().exit(null, 'SIGTERM');
    expect(await stopped).toBe(false);
  });

  test('in a pause starts nobody afterwards', async () => {
    await startReady();
    await children.last().exit(1);
    expect(await slot.stop(STOP_MS)).toBe(false);
    await children.pass(LONGEST_PAUSE_MS);
    expect([children.all.length, slot.state]).toEqual([1, 'stopped']);
  });

  test('of a retired slot whose child died starts nobody', async () => {
    const child = await startReady();
    slot.retire();
    await child.exit(1);
    await children.pass(LONGEST_PAUSE_MS);
    expect([children.all.length, slot.state]).toEqual([1, 'stopped']);
  });
});

test('a blocked child is killed, and the reason names the limit', async () => {
  const blocking = new Slot({
    name: 'worker 1',
    kind: 'worker',
    spec: () => childSpec({}, { blockedTimeoutMs: 1_000 }),
    limits: { startTimeoutMs: START_MS, stopTimeoutMs: STOP_MS },
    events: slotEvents(),
    logger,
    means: children.means,
  });
  blocking.start();
  const child = children.last();
  child.becomeReady();
  child.say({ trunkline: 'alive', memoryBytes: 1, eventLoopDelayMs: 0, isInspected: false });
  await children.pass(1_000);
  expect(child.orders).toEqual(['kill']);
  await child.exit(null, 'SIGKILL');
  expect(blocking.status.lastEnd).toContain(
    'its event loop was blocked for more than 1000 ms (blockedTimeout); a thread leaves neither stack nor profile',
  );
});
