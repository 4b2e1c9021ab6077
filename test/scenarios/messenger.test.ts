// Messages between the processes of an application: who gets a message, when, and which outcome the sender gets.

import { Child, type ChildMessage } from '../support/child';
import { eventually } from '../support/eventually';

interface Process {
  readonly name: string;
  readonly pid: number;
  readonly state: string;
}

let master: Child | undefined;

afterEach(async () => {
  await master?.stop();
  master = undefined;
});

async function start(): Promise<[Process, ...Process[]]> {
  master = new Child('puppet-master');
  const { status } = await master.message('the start', ({ type }) => type === 'started');
  return status as [Process, ...Process[]];
}

async function statusOf(): Promise<[Process, ...Process[]]> {
  return (await master!.ask({ type: 'status' })).status as [Process, ...Process[]];
}

/** Reports of processes so far, in order. */
function reports(matches: (report: ChildMessage) => boolean = () => true): ChildMessage[] {
  return master!.messages.filter((message) => message.type === 'report' && matches(message));
}

const heard = (text: string): number[] => reports((report) => report.heard === text).map(({ pid }) => pid as number);
const sorted = (pids: readonly number[]): number[] => [...pids].sort((a, b) => a - b);

function send(method: string, ...args: unknown[]): void {
  master!.send({ type: 'send', method, args });
}

/** Has a process of the application send. */
function sendFrom(pid: number, method: string, args: unknown[], acknowledged = false): void {
  send('sendTo', pid, 'send', { method, args, acknowledged });
}

async function confirmed(
  method: string,
  ...args: unknown[]
): Promise<Record<'handled' | 'missed', { name: string; reason: string }[]>> {
  return (await master!.ask({ type: 'send', method, args, acknowledged: true })).delivery as never;
}

test('each way of sending reaches those it names, from any process', async () => {
  const [agent, first, second] = await start();
  const workers = sorted([first!.pid, second!.pid]);
  for (const [sender, pid] of Object.entries({ agent: agent.pid, worker: first!.pid })) {
    sendFrom(pid, 'sendToApp', ['say', `app from ${sender}`]);
    sendFrom(pid, 'sendToAgent', ['say', `agent from ${sender}`]);
    sendFrom(pid, 'sendTo', [second!.pid, 'say', `one from ${sender}`]);
    sendFrom(pid, 'broadcast', ['say', `all from ${sender}`]);
    sendFrom(pid, 'sendRandom', ['say', `any from ${sender}`]);
    await eventually('all of them', () => heard(`any from ${sender}`).length === 1 && heard(`all from ${sender}`).length === 3);
    expect(sorted(heard(`app from ${sender}`))).toEqual(workers);
    expect(heard(`agent from ${sender}`)).toEqual([agent.pid]);
    expect(heard(`one from ${sender}`)).toEqual([second!.pid]);
    expect(sorted(heard(`all from ${sender}`))).toEqual(sorted([agent.pid, ...workers]));
    expect(workers).toContain(heard(`any from ${sender}`)[0]);
  }
});

test('an acknowledged message names who handled it and who did not, and why', async () => {
  const [, first, second] = await start();
  expect(await confirmed('sendToApp', 'say', 'hello')).toEqual({
    handled: expect.arrayContaining([
      { name: 'worker 1', pid: first!.pid },
      { name: 'worker 2', pid: second!.pid },
    ]),
    missed: [],
  });
  expect(await confirmed('sendTo', first!.pid, 'fail', '')).toMatchObject({
    handled: [],
    missed: [{ name: 'worker 1', pid: first!.pid, reason: expect.stringContaining('cannot handle it') }],
  });
  expect(await confirmed('sendToAgent', 'hang', '', 50)).toMatchObject({
    missed: [{ name: 'agent', reason: 'not handled within 50 ms' }],
  });
  expect(await confirmed('sendTo', first!.pid, 'die', '')).toMatchObject({
    missed: [{ name: 'worker 1', reason: 'ended before it had handled it' }],
  });
  expect(await confirmed('sendTo', 999_999_999, 'say', '')).toEqual({
    handled: [],
    missed: [{ name: 'pid 999999999', pid: 999_999_999, reason: 'no such process' }],
  });
});

test('a worker hears what came of its own acknowledged message', async () => {
  const [agent, first] = await start();
  sendFrom(first!.pid, 'sendToAgent', ['say', 'hello'], true);
  const [report] = await eventually('the delivery', () => {
    const found = reports(({ delivery }) => delivery !== undefined);
    return found.length > 0 ? found : undefined;
  });
  expect(report).toMatchObject({ pid: first!.pid, delivery: { handled: [{ name: 'agent', pid: agent.pid }], missed: [] } });
});

test('a message waits for a process that is being replaced, and reaches it once', async () => {
  const [, first] = await start();
  process.kill(first!.pid, 'SIGSTOP'); // receives nothing until the end
  process.kill(first!.pid, 'SIGKILL');
  await eventually('its end is known', async () => (await statusOf())[1]!.pid !== first!.pid);
  send('sendToApp', 'say', 'while you were away');
  await eventually('the replacement has it', () => heard('while you were away').length === 2);
  const [, successor] = await statusOf();
  expect(heard('while you were away')).toContain(successor!.pid);
});

test('a message to a gone process is counted and told to its sender', async () => {
  const [, first] = await start();
  send('sendTo', 999_999_999, 'say', 'nobody');
  expect(await master!.message('the master is told', ({ type }) => type === 'undelivered')).toMatchObject({
    action: 'say',
    delivery: { missed: [{ reason: 'no such process' }] },
  });
  sendFrom(first!.pid, 'sendTo', [999_999_999, 'say', 'nobody']);
  await eventually('the worker is told', () => reports((report) => report.undelivered === 'say').length === 1);
  expect(reports((report) => report.undelivered === 'say')[0]!.pid).toBe(first!.pid);
  expect((await master!.ask({ type: 'status' })).undelivered).toBe(2);
  expect((await statusOf()).map(({ state }) => state)).toEqual(['ready', 'ready', 'ready']);
});

test('messages in the form of egg are passed between parent, master, agent and workers', async () => {
  const [agent, first, second] = await start();
  master!.process.send({ action: 'say', data: 'from the parent', to: 'app' });
  await eventually('both workers', () => heard('from the parent').length === 2);
  send('sendTo', first!.pid, 'raw', { action: 'say', data: 'to the other kind' });
  await eventually('the agent', () => heard('to the other kind').length === 1);
  expect(heard('to the other kind')).toEqual([agent.pid]);
  send('sendTo', agent.pid, 'raw', { action: 'say', data: 'to one', receiverPid: String(second!.pid) });
  await eventually('one worker', () => heard('to one').length === 1);
  expect(heard('to one')).toEqual([second!.pid]);
  send('sendTo', first!.pid, 'raw', { action: 'news', data: 1, to: 'parent' });
  const news = await eventually('the parent', () =>
    (master!.messages as unknown as { action?: string }[]).find(({ action }) => action === 'news'),
  );
  expect(news).toEqual({ action: 'news', data: 1, to: 'parent', from: 'app' });
});

test('everybody learns who is there: at the start, and after deaths', async () => {
  const [agent, first, second] = await start();
  const actions = () => master!.messages.filter(({ type }) => type === undefined).map(({ action }) => action);
  expect(actions()).toEqual(['egg-ready']);
  await eventually('egg-ready in all', () => reports(({ action }) => action === 'egg-ready').length === 3);
  process.kill(first!.pid, 'SIGKILL');
  await eventually('the parent hears of the worker', () => actions().includes('app-worker-died'));
  const pids = (by: number): unknown => reports((report) => report.pid === by && report.pids !== undefined).at(-1)?.pids;
  await eventually('the agent knows both workers', async () => {
    const [, successor] = await statusOf();
    return (
      successor?.state === 'ready' &&
      JSON.stringify(sorted(pids(agent.pid) as number[])) === JSON.stringify(sorted([second!.pid, successor.pid]))
    );
  });
  const [, successor] = await statusOf();
  await eventually(
    'the replacement has egg-ready',
    () => reports((report) => report.pid === successor!.pid && report.action === 'egg-ready').length === 1,
  );
  expect(pids(successor!.pid)).toBeUndefined(); // as with egg-cluster, a worker hears of the agent when that changes
  process.kill(agent.pid, 'SIGKILL');
  await eventually('the parent hears of the agent', () => actions().includes('agent-worker-died'));
  await eventually('the workers know the new agent', async () => {
    const [next] = await statusOf();
    return next.state === 'ready' && JSON.stringify(pids(second!.pid)) === JSON.stringify([next.pid]);
  });
});

test('what cannot be carried is the sender’s error, and harms nobody else', async () => {
  const [, first] = await start();
  send('sendToApp', 'say', { big: 1n });
  expect(await master!.message('the error', ({ type }) => type === 'thrown')).toMatchObject({
    message: expect.stringContaining('BigInt'),
  });
  expect((await statusOf()).map(({ state }) => state)).toEqual(['ready', 'ready', 'ready']);
  send('sendTo', first!.pid, 'say', 'still there');
  await eventually('it is heard', () => heard('still there').length === 1);
});
