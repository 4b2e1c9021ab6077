// The master's view of a child, through the states of its life. No process is started.

import { ChildHandle, type ChildEvents, type ChildSpec } from '../../../src/supervisor/master/child-handle';
import { childSpec, FakeChildren, settled, type FakeChild } from '../../support/fake-children';

const APPLICATION_PORT = 8080;

let children: FakeChildren;
let happened: string[];

beforeEach(() => {
  children = new FakeChildren();
  happened = [];
});

function start(given: Partial<ChildSpec> = {}, task: Partial<ChildSpec['task']> = {}): { handle: ChildHandle; child: FakeChild } {
  const note =
    (what: string) =>
    (...args: unknown[]): void =>
      void happened.push([what, ...args.filter((arg) => typeof arg === 'number' || typeof arg === 'string')].join(' '));
  const events: ChildEvents = {
    onReady: note('ready'),
    onListeningElsewhere: note('listening elsewhere'),
    onSigterm: note('sigterm'),
    onHealth: note('health'),
    onBlocked: note('blocked'),
    onMessage: note('message'),
    onMail: note('mail'),
    onHandled: note('handled'),
    onDrained: note('drained'),
  };
  const handle = new ChildHandle(childSpec(given, task), events, children.means);
  return { handle, child: children.last() };
}

const alive = (isInspected = false): Parameters<FakeChild['say']>[0] => ({
  trunkline: 'alive',
  memoryBytes: 1,
  eventLoopDelayMs: 0,
  isInspected,
});

test('a child waits for its task', () => {
  const { handle, child } = start();
  expect([handle.state, child.hasTask]).toEqual(['starting', false]);
  handle.begin();
  expect([handle.state, child.hasTask]).toEqual(['starting', true]);
});

test('a child is ready from the first report on, and knows for how long', async () => {
  const { handle, child } = start();
  handle.begin();
  children.clock.advance(100);
  child.listen(APPLICATION_PORT);
  child.becomeReady();
  children.clock.advance(50);
  await handle.ready;
  expect(handle).toMatchObject({ state: 'ready', readyForMs: 50, handlesMessages: true });
  expect(handle.address).toEqual({ address: '127.0.0.1', port: APPLICATION_PORT });
  expect(happened).toEqual(['ready']);
});

test('a server on another port makes nobody ready, and the reason names both ports', () => {
  const { handle, child } = start({ applicationPort: APPLICATION_PORT });
  expect(handle.whyNotReady).toBe('it neither listens nor calls ready()');
  child.listen(9090);
  expect(handle.state).toBe('starting');
  expect(handle.whyNotReady).toMatch(/listens on port 9090, but not on port 8080/);
  expect(happened).toEqual(['listening elsewhere']);
});

test('a child that listens on the port of the master is killed, and its end says why', async () => {
  const { handle, child } = start({ mastersPort: APPLICATION_PORT });
  child.listen(APPLICATION_PORT);
  expect([handle.state, child.orders]).toEqual(['leaving', ['kill']]);
  await child.exit(null, 'SIGKILL');
  expect(await handle.gone).toMatchObject({ reason: expect.stringContaining("port 8080 is the master's own") as string });
});

test('a child that dies before it is ready is gone, with the reason that it has given', async () => {
  const { handle, child } = start();
  handle.begin();
  child.say({ trunkline: 'failed', reason: 'Error: no configuration' });
  await child.exit(1);
  expect(handle).toMatchObject({ state: 'gone', handlesMessages: false, readyForMs: undefined });
  expect(await handle.gone).toMatchObject({ code: 1, signal: null, reason: 'Error: no configuration' });
  expect(await handle.ended).toEqual({ neededForce: false });
});

test('last messages may come after the exit, but not later than a moment', async () => {
  const { handle, child } = start();
  child.exitWithoutClose(1);
  child.becomeReady();
  child.say({ trunkline: 'failed', reason: 'late, but in time' });
  expect(handle.state).toBe('gone');
  await children.pass(200);
  expect(await handle.gone).toMatchObject({ reason: 'late, but in time' });
  expect(handle.readyForMs).toBe(200);
});

test('a child that cannot be started has ended at once', async () => {
  children.failure = new Error('EAGAIN: no process can be made');
  const { handle } = start();
  handle.begin();
  handle.stop(1_000, false);
  expect(handle).toMatchObject({ state: 'gone', pid: undefined });
  expect(await handle.gone).toMatchObject({ code: null, reason: 'EAGAIN: no process can be made' });
  expect(await handle.ended).toEqual({ neededForce: false });
});

describe('a stop', () => {
  test('is a message with a little less time than the master gives', () => {
    const { handle, child } = start();
    handle.begin();
    child.becomeReady();
    handle.stop(1_000, true);
    expect(child.heard).toEqual([{ trunkline: 'stop', withinMs: 950, gently: true }]);
    expect(handle).toMatchObject({ state: 'leaving', wasTold: true, handlesMessages: true });
  });

  test.each(['has no task yet', 'cannot be spoken to'])('of a child that %s is a signal', (why) => {
    const { handle, child } = start();
    if (why === 'cannot be spoken to') {
      handle.begin();
      child.isConnected = false;
    }
    handle.stop(1_000, false);
    expect([child.orders, child.heard]).toEqual([['terminate'], []]);
  });

  test('that the child refuses ends with a kill, which counts as force', async () => {
    const { handle, child } = start();
    handle.begin();
    handle.stop(1_000, false);
    handle.kill();
    expect(child.orders).toEqual(['stop', 'kill']);
    await child.exit(null, 'SIGKILL');
    expect(await handle.ended).toEqual({ neededForce: true });
    expect(handle.wasTold).toBe(true);
  });

  test('that takes the child too long counts as force, although it ends by itself', async () => {
    const { handle, child } = start();
    handle.begin();
    handle.stop(1_000, false);
    child.say({ trunkline: 'overrun' });
    await child.exit(1);
    expect(await handle.ended).toEqual({ neededForce: true });
  });
});

test('the reason of a kill is kept, and the first reason counts', async () => {
  const { handle, child } = start();
  handle.kill('it used too much memory');
  handle.kill('another reason');
  await child.exit(null, 'SIGKILL');
  expect(await handle.gone).toMatchObject({ reason: 'it used too much memory' });
  expect(handle.wasTold).toBe(false);
});

test('a child that has disconnected and lives is gone without an end', async () => {
  const { handle, child } = start();
  child.disconnect();
  await children.pass(200);
  expect(await handle.gone).toBeUndefined();
  expect(handle.state).toBe('starting');
});

describe('a loop that does not turn', () => {
  const LIMIT_MS = 1_000;

  test('is blocked after the limit, until the next report', async () => {
    const { handle, child } = start({}, { blockedTimeoutMs: LIMIT_MS });
    child.say(alive());
    await children.pass(LIMIT_MS - 1);
    expect(handle.isBlocked).toBe(false);
    await children.pass(1);
    expect(handle.isBlocked).toBe(true);
    expect(happened).toEqual(['health', 'blocked']);
    child.say(alive());
    expect(handle.isBlocked).toBe(false);
  });

  test.each<[string, (child: FakeChild) => void, number]>([
    ['without a limit', (child) => child.say(alive()), 0],
    ['before the first report', () => undefined, LIMIT_MS],
    ['under an inspector', (child) => child.say(alive(true)), LIMIT_MS],
    ['after the exit', (child) => (child.say(alive()), child.exitWithoutClose(0)), LIMIT_MS],
  ])('is not judged %s', async (_, act, blockedTimeoutMs) => {
    const { handle, child } = start({}, { blockedTimeoutMs });
    act(child);
    await children.pass(10 * LIMIT_MS);
    expect(handle.isBlocked).toBe(false);
    expect(happened).not.toContain('blocked');
  });
});

test('a child that says that it leaves hears a farewell', () => {
  const { child } = start();
  child.say({ trunkline: 'leaving' });
  expect(child.told).toEqual(['farewell']);
});

test('messages of the child reach the slot by their kind', async () => {
  const { child } = start();
  child.say({ trunkline: 'sigterm' });
  child.say({ action: 'news', data: 1 });
  child.say({ trunkline: 'handled', id: 7 });
  await settled();
  expect(happened).toEqual(['sigterm', 'message', 'handled 7']);
});
