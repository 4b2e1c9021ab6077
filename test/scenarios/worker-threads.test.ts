// Children as threads of the master: the same as with processes, as far as threads allow.

import { Child, type ChildMessage } from '../support/child';
import { eventually } from '../support/eventually';
import { getJson } from '../support/http';
import { freePort } from '../support/ports';

interface Thread {
  readonly name: string;
  readonly pid: number;
  readonly state: string;
  readonly lastEnd: string | undefined;
}

let master: Child | undefined;

afterEach(async () => {
  await master?.stop();
  master = undefined;
});

async function start(fixture: string, options: object, env: Record<string, string | number> = {}): Promise<Child> {
  master = new Child(fixture, { OPTIONS: JSON.stringify({ startMode: 'worker_threads', ...options }), ...env });
  const outcome = await master.message('the start', ({ type }) => type === 'started' || type === 'failed');
  expect(outcome).toMatchObject({ type: 'started' });
  return master;
}

async function statusOf(): Promise<[Thread, Thread, ...Thread[]]> {
  return (await master!.ask({ type: 'status' })).status as [Thread, Thread, ...Thread[]];
}

function tell(thread: number, action: string, data?: unknown): void {
  master!.send({ type: 'send', method: 'sendTo', args: [thread, action, data] });
}

const replaced = (before: Thread): Promise<Thread> =>
  eventually(`another thread in the place of ${before.name}`, async () => {
    const now = (await statusOf()).find(({ name }) => name === before.name)!;
    return now.state === 'ready' && now.pid !== before.pid ? now : undefined;
  });

test('the agent leads and the workers follow, each on its port; a reload and a stop work', async () => {
  const ports = [await freePort(), await freePort()];
  const child = await start('supervisor-master', { ports }, { PORT: 1 });
  const answers = () => Promise.all(ports.map((port) => getJson<{ pid: number; isLeader: boolean; seen: number }>(port)));
  await eventually('data in both', async () => (await answers()).every(({ seen }) => seen === child.pid));
  for (const { pid, isLeader } of await answers()) expect({ pid, isLeader }).toEqual({ pid: child.pid, isLeader: false });
  const before = await statusOf();
  expect(await child.ask({ type: 'reload' })).toMatchObject({ type: 'reloaded' });
  for (const thread of await statusOf()) {
    expect(thread.state).toBe('ready');
    expect(before.map(({ pid }) => pid)).not.toContain(thread.pid);
  }
  await eventually('data in both again', async () => (await answers()).every(({ seen }) => seen === child.pid));
  expect(await child.ask({ type: 'stop' })).toMatchObject({ type: 'stopped', forced: false });
  child.kill('SIGTERM'); // the supervisor has forgotten this process
  expect(await child.exited).toEqual({ code: null, signal: 'SIGTERM' });
});

test('messages pass as between processes', async () => {
  await start('puppet-master', {});
  const [agent, first, second] = await statusOf();
  const { delivery } = await master!.ask({ type: 'send', method: 'broadcast', args: ['say', 'hello'], acknowledged: true });
  expect((delivery as { handled: unknown[] }).handled).toEqual(
    expect.arrayContaining([agent, first, second!].map(({ name, pid }) => ({ name, pid }))),
  );
});

test('a thread that ends, or is blocked, or has no memory left, is replaced', async () => {
  await start('puppet-master', { blockedTimeout: 300 });
  const [, first, second] = await statusOf();
  tell(first.pid, 'die');
  expect((await replaced(first)).lastEnd).toContain('ended with code 7');
  await eventually('it has said how it feels', () => master!.ask({ type: 'status' }).then(isKnown));
  tell(second!.pid, 'block');
  expect((await replaced(second!)).lastEnd).toContain('blocked');
});

function isKnown({ status }: ChildMessage): boolean {
  return (status as { memoryBytes?: number }[]).every(({ memoryBytes }) => memoryBytes !== undefined);
}

test('sticky connections cannot be had with threads, and that is said', async () => {
  master = new Child('puppet-master', { OPTIONS: JSON.stringify({ startMode: 'worker_threads', sticky: true, port: 1 }) });
  const { message } = await master.message('the failure', ({ type }) => type === 'failed');
  expect(message).toContain('option sticky must be off with worker_threads');
});
