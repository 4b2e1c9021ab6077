// Mail on the way: what waits, what is delivered, what is missed.

import { PostOffice, type Reachable, type ReceivingSlot } from '../../../src/supervisor/messaging/post-office';
import type { AppMessage, Delivery, Mail } from '../../../src/supervisor/messaging/messages';

class Child implements Reachable {
  readonly got: AppMessage[] = [];
  handlesMessages = true;
  isCongested = false;
  isOverloaded = false;
  constructor(readonly pid: number) {}
  send(message: AppMessage): void {
    this.got.push(message);
  }
}

class FakeSlot implements ReceivingSlot {
  readyChild: Child | undefined;
  living: Child[] = [];
  constructor(
    readonly name: string,
    readonly kind: 'agent' | 'worker',
  ) {}
  becomesReady(pid: number): Child {
    const child = new Child(pid);
    this.readyChild = child;
    this.living = [child];
    office.onReady(this);
    return child;
  }
}

const logger = { info: () => undefined, warn: () => undefined, error: () => undefined };
let places: FakeSlot[];
let worker: FakeSlot;
let office: PostOffice;
let lastId = 0;

beforeEach(() => {
  worker = new FakeSlot('worker 1', 'worker');
  places = [worker];
  office = new PostOffice({
    slots: () => places,
    toMaster: (message) => (message.action === 'fail' ? Promise.reject(new Error('no')) : Promise.resolve()),
    toParent: () => false,
    logger,
  });
});

function post(given: Partial<Mail> = {}): Promise<Delivery> {
  const mail: Mail = { trunkline: 'mail', id: ++lastId, withinMs: 0, action: 'x', to: 'app', ...given };
  return new Promise((resolve) => office.post(mail, 'agent', resolve));
}

test('mail waits for a place in its order, and tells whom it is from', () => {
  void post({ action: 'first' });
  void post({ action: 'second' });
  const child = worker.becomesReady(7);
  expect(child.got.map(({ action, from }) => [action, from])).toEqual([
    ['first', 'agent'],
    ['second', 'agent'],
  ]);
});

test('the oldest of more than 1000 waiting messages is missed, and counted', async () => {
  const first = post({ action: 'first' });
  for (let i = 0; i < 1000; i++) void post();
  expect((await first).missed).toEqual([{ name: 'worker 1', pid: undefined, reason: 'more than 1000 messages waited for it' }]);
  expect(office.undelivered).toBe(1);
  expect(worker.becomesReady(7).got.length).toBe(1000);
});

test('what was not ready in time does not get the message later', async () => {
  expect((await post({ withinMs: 20 })).missed).toEqual([{ name: 'worker 1', pid: undefined, reason: 'not ready within 20 ms' }]);
  expect(worker.becomesReady(7).got).toEqual([]);
});

test('an answer counts once, and only from one that was asked', async () => {
  const delivered = post({ withinMs: 10_000 });
  const child = worker.becomesReady(7);
  office.onHandled(child, 999, undefined);
  office.onHandled(child, (child.got[0] as Mail).id, undefined);
  office.onHandled(child, (child.got[0] as Mail).id, 'late');
  office.onGone(child);
  expect(await delivered).toEqual({ handled: [{ name: 'worker 1', pid: 7 }], missed: [] });
});

test('a place that is given up loses what waited for it', async () => {
  const delivered = post();
  office.onRemoved(worker);
  expect((await delivered).missed).toMatchObject([{ name: 'worker 1', reason: 'no such process' }]);
});

test('mail to the master and to the parent is answered too', async () => {
  expect(await post({ to: 'master', withinMs: 10 })).toEqual({ handled: [{ name: 'master', pid: process.pid }], missed: [] });
  expect((await post({ to: 'master', action: 'fail', withinMs: 10 })).missed).toMatchObject([{ name: 'master', reason: 'no' }]);
  expect((await post({ to: 'parent', withinMs: 10 })).missed).toMatchObject([{ name: 'parent', reason: 'no such process' }]);
});

test('mail to a process goes to that one, also while it drains, and not to its successor', async () => {
  const old = worker.becomesReady(7);
  const successor = new Child(8);
  worker.living = [old, successor];
  worker.readyChild = successor;
  void post({ to: undefined, receiverPid: '7' });
  expect([old.got.length, successor.got.length]).toEqual([1, 0]);
  successor.handlesMessages = false; // the successor is starting
  const waiting = post({ to: undefined, receiverPid: '8' });
  expect(successor.got.length).toBe(0);
  worker.living = [old]; // the successor has died
  office.onReady(worker);
  expect((await waiting).missed).toMatchObject([{ reason: 'no such process' }]);
});

test('where there is nobody of that kind, nobody gets it', async () => {
  expect((await post({ to: 'agent' })).missed).toMatchObject([{ name: 'agent', reason: 'no such process' }]);
  places = [];
  expect((await post({ to: 'random' })).missed.length).toBe(1);
});

test('mail for a process that does not read waits, the oldest of too much is missed, and the rest comes in order', () => {
  const child = worker.becomesReady(7);
  child.isCongested = true;
  for (let i = 1; i <= 1_200; i++) void post({ action: String(i) });
  expect(child.got).toEqual([]);
  expect(office.undelivered).toBe(200);
  child.isCongested = false;
  office.onReady(worker);
  void post({ action: 'last' });
  const actions = child.got.map(({ action }) => action);
  expect([actions.length, actions[0], actions.at(-1)]).toEqual([1_001, '201', 'last']);
});

test('mail that waited for a process that did not read goes to its successor', () => {
  worker.becomesReady(7).isCongested = true;
  void post({ action: 'for the place' });
  expect(worker.becomesReady(8).got.map(({ action }) => action)).toEqual(['for the place']);
});

test('a message of egg is not added to what a process leaves unread, and is counted', () => {
  const child = worker.becomesReady(7);
  child.isOverloaded = true;
  office.send({ action: 'x', to: 'app' }, 'agent');
  expect([child.got.length, office.undelivered]).toEqual([0, 1]);
});
