// What happens in a child, through its states: loads, is ready, gets messages, drains and ends. The master, the process and the
// program are the test's.

import { EventEmitter } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { ChildRuntime } from '../../../src/supervisor/child/child-runtime';
import type { Link } from '../../../src/supervisor/child/link';
import { messenger } from '../../../src/supervisor/child/runtime';
import type { AppMessage, ChildTask, ToChild, ToMaster } from '../../../src/supervisor/messaging/messages';
import { eventually } from '../../support/eventually';
import { childSpec, settled } from '../../support/fake-children';
import { ManualClock } from '../../../src/testing/manual-clock';

const MASTER_PID = 4711;

class FakeLink implements Link {
  isConnected = true;
  readonly said: (ToMaster | AppMessage)[] = [];
  hear: (message: ToChild | AppMessage) => void = () => undefined;
  leave: () => void = () => undefined;

  onMessage(listener: (message: unknown) => void): () => void {
    this.hear = listener;
    return () => undefined;
  }

  onDisconnect(listener: () => void): void {
    this.leave = () => {
      this.isConnected = false;
      listener();
    };
  }

  send(message: ToMaster | AppMessage, then?: (error: Error | null) => void): void {
    this.said.push(message);
    then?.(null);
  }

  sendHandle(message: ToMaster): void {
    this.said.push(message);
  }

  /** What the child has told the master, by name, without its health. */
  get told(): string[] {
    return this.said.flatMap((message) => ('trunkline' in message && message.trunkline !== 'alive' ? message.trunkline : []));
  }
}

let link: FakeLink;
let clock: ManualClock;
let host: EventEmitter & { chdir: jest.Mock; ppid: number };
let exits: number[];
let runtime: ChildRuntime;

beforeEach(() => {
  link = new FakeLink();
  clock = new ManualClock();
  host = Object.assign(new EventEmitter(), { chdir: jest.fn(), ppid: MASTER_PID });
  exits = [];
});

/** @param load the program */
async function run(load: () => unknown = () => ({}), task: Partial<ChildTask> = {}): Promise<void> {
  runtime = new ChildRuntime(childSpec({}, { masterPid: MASTER_PID, ...task }).task, {
    exit: (code) => exits.push(code),
    link,
    clock,
    host: host as never,
    load: async () => load(),
  });
  void runtime.run();
  await settled();
}

async function pass(ms: number): Promise<void> {
  clock.advance(ms);
  await settled();
}

const stop = (withinMs = 1_000, gently = false): void => link.hear({ trunkline: 'stop', withinMs, gently });
const farewell = async (): Promise<void> => {
  link.hear({ trunkline: 'farewell' });
  await settled();
};

describe('a child', () => {
  test('of a worker is not ready when its program is loaded; of an agent it is', async () => {
    await run();
    expect(link.told).toEqual([]);
    await run(() => ({}), { kind: 'agent' });
    expect(link.told).toEqual(['ready']);
    expect(host.chdir).toHaveBeenCalledWith('/');
  });

  test('of an agent waits for the promise that its module exports', async () => {
    let finish!: () => void;
    await run(() => ({ default: new Promise<void>((resolve) => (finish = resolve)) }), { kind: 'agent' });
    expect(link.told).toEqual([]);
    finish();
    await settled();
    expect(link.told).toEqual(['ready']);
  });

  test('says where a server listens', async () => {
    await run();
    const server = http.createServer().listen(0, '127.0.0.1');
    const listening = await eventually('the report', () =>
      link.said.find((message) => 'trunkline' in message && message.trunkline === 'listening'),
    );
    const { port } = server.address() as AddressInfo;
    expect(listening).toEqual({ trunkline: 'listening', address: { address: '127.0.0.1', port }, isOwn: false });
    await new Promise((resolve) => server.close(resolve));
  });

  test('reports its health from the end of the load on', async () => {
    let finish!: () => void;
    await run(() => ({ default: new Promise<void>((resolve) => (finish = resolve)) }));
    expect(link.said).toEqual([]);
    finish();
    await settled();
    expect(link.said).toEqual([expect.objectContaining({ trunkline: 'alive', isInspected: false })]);
  });

  test('whose program cannot be loaded says why, and ends with code 1', async () => {
    await run(() => {
      throw new Error('no configuration');
    });
    expect(link.said).toEqual([{ trunkline: 'failed', reason: expect.stringContaining('Error: no configuration') as string }]);
    expect(exits).toEqual([1]);
  });

  test('says what an uncaught exception was, unless the program handles it', async () => {
    await run();
    host.emit('uncaughtExceptionMonitor', new Error('first'));
    expect(link.said.at(-1)).toMatchObject({ trunkline: 'failed', reason: expect.stringContaining('Error: first') as string });
    const before = link.said.length;
    host.on('uncaughtException', () => undefined);
    host.emit('uncaughtExceptionMonitor', new Error('second'));
    expect(link.said).toHaveLength(before);
  });

  test('leaves SIGTERM to the master, and outlives the signals of a terminal', async () => {
    await run();
    for (const signal of ['SIGINT', 'SIGHUP', 'SIGQUIT']) expect(host.emit(signal)).toBe(true);
    expect(link.told).toEqual([]);
    host.emit('SIGTERM');
    expect(link.told).toEqual(['sigterm']);
    expect(exits).toEqual([]);
  });
});

describe('what waits for the end of the start', () => {
  test('runs with the message of the master, before the next message', async () => {
    await run();
    const order: string[] = [];
    runtime.onceStarted(() => order.push('started'));
    link.hear({ trunkline: 'started' });
    order.push('next message');
    expect(order).toEqual(['started', 'next message']);
    await pass(2_000);
    expect(order).toHaveLength(2); // once
  });

  test('runs after two seconds in any case', async () => {
    await run();
    const onStarted = jest.fn();
    runtime.onceStarted(onStarted);
    await pass(1_999);
    expect(onStarted).not.toHaveBeenCalled();
    await pass(1);
    expect(onStarted).toHaveBeenCalledTimes(1);
  });
});

describe('a child that inherits listening sockets', () => {
  test('loads its program when all have come', async () => {
    const load = jest.fn(() => ({}));
    await run(load, { inherits: true });
    expect(load).not.toHaveBeenCalled();
    link.hear({ trunkline: 'inherited' });
    await settled();
    expect(load).toHaveBeenCalledTimes(1);
  });

  test('does not wait for a predecessor that says nothing', async () => {
    const load = jest.fn(() => ({}));
    await run(load, { inherits: true });
    await pass(2_000);
    expect(load).toHaveBeenCalledTimes(1);
  });
});

test('mail that the sender waits for is answered with the outcome', async () => {
  await run();
  messenger.on('works', () => Promise.resolve());
  messenger.on('fails', () => Promise.reject(new Error('cannot')));
  const mail = (id: number, action: string): void => link.hear({ trunkline: 'mail', id, withinMs: 1_000, action });
  mail(1, 'works');
  mail(2, 'fails');
  await settled();
  expect(link.said.filter((message) => 'trunkline' in message && message.trunkline === 'handled')).toEqual([
    { trunkline: 'handled', id: 1 },
    { trunkline: 'handled', id: 2, reason: expect.stringContaining('Error: cannot') as string },
  ]);
});

describe('a stop', () => {
  test('runs onDrain, then onStop from last to first, says farewell, and ends with code 0', async () => {
    await run();
    const order: string[] = [];
    runtime.onStop(() => order.push('first registered'));
    runtime.onStop(() => order.push('last registered'));
    runtime.onDrain(() => order.push('drain'));
    stop();
    await eventually('the child leaves', () => link.told.includes('leaving'));
    expect(order).toEqual(['drain', 'last registered', 'first registered']);
    expect(exits).toEqual([]);
    await farewell();
    expect(exits).toEqual([0]);
  });

  test('does not wait long for a master that does not say farewell', async () => {
    await run();
    stop();
    await eventually('the child leaves', () => link.told.includes('leaving'));
    await pass(249);
    expect(exits).toEqual([]);
    await pass(1);
    expect(exits).toEqual([0]);
  });

  test('whose callback fails runs the others all the same, and ends with code 1', async () => {
    const error = jest.spyOn(console, 'error').mockImplementation();
    await run();
    const other = jest.fn();
    runtime.onStop(other);
    runtime.onStop(() => Promise.reject(new Error('cannot stop')));
    stop();
    await eventually('the child leaves', () => link.told.includes('leaving'));
    await farewell();
    expect([exits, other.mock.calls.length]).toEqual([[1], 1]);
    expect(error).toHaveBeenCalledWith(expect.objectContaining({ message: 'cannot stop' }));
    error.mockRestore();
  });

  test('that takes too long ends with code 1, and the master is told', async () => {
    await run();
    runtime.onStop(() => new Promise(() => undefined));
    stop(1_000);
    await settled();
    await pass(999);
    expect(exits).toEqual([]);
    await pass(1);
    expect([link.told, exits]).toEqual([['overrun'], [1]]);
  });

  test('happens once, however often it is asked for', async () => {
    await run();
    const onStop = jest.fn();
    runtime.onStop(onStop);
    stop();
    stop();
    await eventually('the child leaves', () => link.told.includes('leaving'));
    await farewell();
    expect([onStop.mock.calls.length, exits]).toEqual([1, [0]]);
  });

  test('while the program is loaded ends the child, and a failure of the load is no news', async () => {
    let fail!: (error: Error) => void;
    await run(() => ({ default: new Promise((_, reject) => (fail = reject)) }));
    stop();
    fail(new Error('cancelled by the stop'));
    await eventually('the child leaves', () => link.told.includes('leaving'));
    await farewell();
    expect([link.told, exits]).toEqual([['leaving'], [0]]);
  });
});

describe('without a master', () => {
  test.each([
    ['is gone', 1, 750],
    ['lives, after a disconnect', MASTER_PID, 5_000],
  ])('that %s the child ends by itself, and has a limit for that', async (_, ppid, limitMs) => {
    await run();
    host.ppid = ppid;
    const onStop = jest.fn(() => new Promise(() => undefined));
    runtime.onStop(onStop);
    link.leave();
    await eventually('the stop', () => onStop.mock.calls.length > 0);
    await pass(limitMs - 1);
    expect(exits).toEqual([]);
    await pass(1);
    expect(exits).toEqual([1]);
  });

  test('nobody is waited for to say farewell', async () => {
    await run();
    link.leave();
    await eventually('the end', () => exits.length > 0);
    expect([link.told, exits]).toEqual([[], [0]]);
  });
});
