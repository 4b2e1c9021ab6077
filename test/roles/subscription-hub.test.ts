import { SubscriptionHub, type Source } from '../../src/roles/subscription-hub';
import type { Subscriber, Subscription } from '../../src/roles/role';
import { ManualClock } from '../../src/testing/manual-clock';

const bytes = (text: string): Buffer => Buffer.from(text);

class Recorder implements Subscriber {
  readonly seen: string[] = [];
  onDeliver: (text: string) => void = () => undefined;
  deliver(payload: Buffer): void {
    this.seen.push(payload.toString());
    this.onDeliver(payload.toString());
  }
}

function hub(options: { isBroadcast?: boolean; lingerMs?: number; canClose?: boolean } = {}) {
  const clock = new ManualClock();
  const log: string[] = [];
  const source: Source<unknown> = {
    open: ({ key }) => void log.push(`open ${key}`),
    close: ({ key }) => {
      log.push(`close ${key}`);
      return options.canClose ?? true;
    },
  };
  const tested = new SubscriptionHub({
    source,
    clock,
    isBroadcast: options.isBroadcast ?? true,
    lingerMs: options.lingerMs ?? 1000,
  });
  const placed = new Map<Subscriber, Subscription>();
  /** The hub, in which each subscriber is once at most. */
  const subscriptions = {
    subscribe: (key: string, registration: unknown, subscriber: Subscriber) => {
      placed.set(subscriber, tested.subscribe(key, registration, subscriber));
    },
    unsubscribe: (subscriber: Subscriber) => tested.unsubscribe(placed.get(subscriber)!),
    push: (key: string, payload: Buffer) => tested.push(tested.find(key)!, payload),
    reopen: () => tested.reopen(),
    close: () => tested.close(),
  };
  return { subscriptions, clock, log };
}

/** The hub delivers in a promise reaction. */
const flushed = async (): Promise<void> => {
  for (let i = 0; i < 20; i++) await Promise.resolve();
};

it('opens a key with its first subscriber only', () => {
  const { subscriptions, log } = hub();
  subscriptions.subscribe('k', 'k', new Recorder());
  subscriptions.subscribe('k', 'k', new Recorder());
  expect(log).toEqual(['open k']);
});

it('delivers a value once to one who subscribes between its arrival and its delivery', async () => {
  const { subscriptions } = hub();
  const [early, late] = [new Recorder(), new Recorder()];
  subscriptions.subscribe('k', 'k', early);
  subscriptions.push('k', bytes('1'));
  subscriptions.subscribe('k', 'k', late);
  subscriptions.push('k', bytes('2'));
  await flushed();
  expect(early.seen).toEqual(['1', '2']);
  expect(late.seen).toEqual(['1', '2']);
});

it('never replays an older value after a newer one', async () => {
  const { subscriptions } = hub();
  const [first, second] = [new Recorder(), new Recorder()];
  subscriptions.subscribe('k', 'k', first);
  subscriptions.push('k', bytes('1'));
  await flushed();
  first.onDeliver = () => subscriptions.subscribe('k', 'k', second);
  subscriptions.push('k', bytes('2'));
  subscriptions.push('k', bytes('3'));
  await flushed();
  expect(second.seen).toEqual([...second.seen].sort());
  expect(second.seen.at(-1)).toBe('3');
});

it('delivers nothing more to one who left while the value was under way', async () => {
  const { subscriptions } = hub();
  const recorder = new Recorder();
  subscriptions.subscribe('k', 'k', recorder);
  subscriptions.push('k', bytes('1'));
  subscriptions.unsubscribe(recorder);
  await flushed();
  expect(recorder.seen).toEqual([]);
});

it('serves values that listeners cause', async () => {
  const { subscriptions } = hub();
  const recorder = new Recorder();
  recorder.onDeliver = (text) => {
    if (text.length < 4) subscriptions.push('k', bytes(`${text}x`));
  };
  subscriptions.subscribe('k', 'k', recorder);
  subscriptions.push('k', bytes('x'));
  await flushed();
  expect(recorder.seen).toEqual(['x', 'xx', 'xxx', 'xxxx']);
});

it('keeps a key open for the linger time after its last subscriber', async () => {
  const { subscriptions, clock, log } = hub();
  const recorder = new Recorder();
  subscriptions.subscribe('k', 'k', recorder);
  subscriptions.push('k', bytes('1'));
  subscriptions.unsubscribe(recorder);
  clock.advance(999);
  const back = new Recorder();
  subscriptions.subscribe('k', 'k', back);
  await flushed();
  expect(back.seen).toEqual(['1']);
  subscriptions.unsubscribe(back);
  clock.advance(1000);
  expect(log).toEqual(['open k', 'close k']);
  subscriptions.subscribe('k', 'k', back);
  await flushed();
  expect(log).toEqual(['open k', 'close k', 'open k']);
  expect(back.seen).toEqual(['1']);
});

it('goes on keeping the last value of a key that its source cannot close', async () => {
  const { subscriptions, clock, log } = hub({ canClose: false });
  const recorder = new Recorder();
  subscriptions.subscribe('k', 'k', recorder);
  subscriptions.unsubscribe(recorder);
  clock.advance(1000);
  subscriptions.push('k', bytes('1'));
  subscriptions.subscribe('k', 'k', recorder);
  await flushed();
  expect(recorder.seen).toEqual(['1']);
  expect(log).toEqual(['open k', 'close k']);
});

it('opens every key again for a new source, and keeps versions in order', async () => {
  const { subscriptions, log } = hub();
  const recorder = new Recorder();
  subscriptions.subscribe('a', 'a', recorder);
  subscriptions.subscribe('b', 'b', new Recorder());
  subscriptions.push('a', bytes('1'));
  await flushed();
  subscriptions.reopen();
  subscriptions.push('a', bytes('2'));
  await flushed();
  expect(log).toEqual(['open a', 'open b', 'open a', 'open b']);
  expect(recorder.seen).toEqual(['1', '2']);
});

it('picks one of those who are there when the turn of the value comes', async () => {
  const { subscriptions } = hub({ isBroadcast: false });
  const [a, b] = [new Recorder(), new Recorder()];
  subscriptions.subscribe('k', 'k', a);
  subscriptions.subscribe('k', 'k', b);
  for (let i = 0; i < 50; i++) subscriptions.push('k', bytes(String(i)));
  subscriptions.unsubscribe(a);
  await flushed();
  expect(a.seen).toEqual([]);
  expect(b.seen).toHaveLength(50);
});

it('does not replay when one is picked', async () => {
  const { subscriptions } = hub({ isBroadcast: false });
  const late = new Recorder();
  subscriptions.subscribe('k', 'k', new Recorder());
  subscriptions.push('k', bytes('1'));
  await flushed();
  subscriptions.subscribe('k', 'k', late);
  await flushed();
  expect(late.seen).toEqual([]);
});

it('leaves no timer and delivers nothing after close', async () => {
  const { subscriptions, clock } = hub();
  const recorder = new Recorder();
  const other = new Recorder();
  subscriptions.subscribe('k', 'k', recorder);
  subscriptions.subscribe('l', 'l', other);
  subscriptions.unsubscribe(other);
  subscriptions.push('k', bytes('1'));
  subscriptions.close();
  await flushed();
  expect(recorder.seen).toEqual([]);
  expect(clock.pending).toBe(0);
});

it('opens a key once that is subscribed while the others are opened again', () => {
  const log: string[] = [];
  const source: Source<unknown> = {
    open: ({ key }) => {
      log.push(key);
      if (log.length === 2) tested.subscribe('b', 'b', new Recorder());
    },
    close: () => true,
  };
  const tested = new SubscriptionHub({ source, clock: new ManualClock(), isBroadcast: true, lingerMs: 1000 });
  tested.subscribe('a', 'a', new Recorder());
  tested.reopen();
  expect(log).toEqual(['a', 'a', 'b']);
});

it('keeps the last of the values that come together, after it was delivered, and replays what was kept', async () => {
  const log: string[] = [];
  const tested = new SubscriptionHub<unknown>({
    source: { open: () => undefined, close: () => true },
    clock: new ManualClock(),
    isBroadcast: true,
    lingerMs: 0,
    kept: (payload) => {
      log.push(`kept ${payload.toString()}`);
      return bytes(`own ${payload.toString()}`);
    },
  });
  const recorder = (): Recorder => {
    const made = new Recorder();
    made.onDeliver = (text) => void log.push(text);
    return made;
  };
  tested.subscribe('k', 'k', recorder());
  for (const text of ['one', 'two', 'three']) tested.push(tested.find('k')!, bytes(text));
  await flushed();
  expect(log.splice(0)).toEqual(['one', 'two', 'three', 'kept three']);
  tested.subscribe('k', 'k', recorder());
  await flushed();
  expect(log).toEqual(['own three']);
});

class BatchRecorder extends Recorder {
  readonly batches: string[][] = [];
  deliverAll(payloads: readonly Buffer[]): void {
    this.batches.push(payloads.map(String));
  }
}

it('gives values of a key that came together to a single subscriber that takes several, in one call', async () => {
  const { subscriptions } = hub();
  const [batched, other] = [new BatchRecorder(), new BatchRecorder()];
  subscriptions.subscribe('k', 'k', batched);
  subscriptions.subscribe('l', 'l', other);
  for (const text of ['k1', 'k2']) subscriptions.push('k', bytes(text));
  subscriptions.push('l', bytes('l1'));
  for (const text of ['k3', 'k4', 'k5']) subscriptions.push('k', bytes(text));
  await flushed();
  expect(batched.batches).toEqual([
    ['k1', 'k2'],
    ['k3', 'k4', 'k5'],
  ]);
  expect(other.seen).toEqual(['l1']);
});

it('gives each of several subscribers of a key every value, in order', async () => {
  const { subscriptions } = hub();
  const both = [new BatchRecorder(), new BatchRecorder()];
  for (const each of both) subscriptions.subscribe('k', 'k', each);
  for (const text of ['1', '2', '3']) subscriptions.push('k', bytes(text));
  await flushed();
  for (const { seen } of both) expect(seen).toEqual(['1', '2', '3']);
});

it('leaves out of several values those that a replay has overtaken', async () => {
  const { subscriptions } = hub();
  const [early, late] = [new Recorder(), new BatchRecorder()];
  subscriptions.subscribe('k', 'k', early);
  subscriptions.push('k', bytes('1'));
  await flushed();
  subscriptions.push('k', bytes('2'));
  subscriptions.subscribe('k', 'k', late); // its replay stands behind 2
  subscriptions.push('k', bytes('3'));
  subscriptions.push('k', bytes('4'));
  subscriptions.unsubscribe(early);
  await flushed();
  expect([late.seen, late.batches]).toEqual([['2'], [['3', '4']]]);
});
