import { V1 } from '../../../protocol/dialects';
import { structuredTranscode, ValueCodec } from '../../../protocol/value-codec';
import { ChannelHost } from '../../../src/roles/leader/channel-host';
import { EventFeed } from '../../../src/roles/leader/event-feed';
import { FedSubscriber } from '../../../src/roles/leader/fed-subscriber';
import type { ChannelSpec } from '../../../src/roles/role';
import { Single } from '../../../src/roles/local/single';
import type { Connection, ConnectionEnd, Receiver } from '../../../src/transport/connection';
import { upstreamClass } from '../../support/fake-upstream';
import { ManualClock } from '../../../src/testing/manual-clock';
import { recordingLogger, type RecordingLogger } from '../../support/recording-logger';

const LIMIT = 100;

/** A connection whose other side reads when the test says so. */
class FakeConnection {
  readonly remotePort = 4711;
  /** What was sent and not read. */
  readonly waiting: string[] = [];
  readonly read: string[] = [];
  #onDrained: (() => void) | undefined;

  get outboxBytes(): number {
    return this.waiting.join('').length;
  }

  get isDrained(): boolean {
    return this.waiting.length === 0;
  }

  whenDrained(callback: () => void): void {
    this.#onDrained = callback;
  }

  /** Reads until nothing comes any more. */
  readAll(): void {
    while (this.waiting.length > 0) {
      this.read.push(...this.waiting.splice(0));
      const callback = this.#onDrained;
      this.#onDrained = undefined;
      callback?.();
    }
  }
}

let connection: FakeConnection;
let logger: RecordingLogger;
let clock: ManualClock;
let feed: EventFeed;
let tooSlow: number;

function start(delivery: 'latest' | 'every'): void {
  connection = new FakeConnection();
  logger = recordingLogger();
  clock = new ManualClock();
  tooSlow = 0;
  feed = new EventFeed({ name: 'config', maxOutboxBytes: LIMIT, delivery, logger, clock }, connection, () => tooSlow++);
}

class Sender extends FedSubscriber {
  send(payload: Buffer): void {
    connection.waiting.push(payload.toString());
  }
}

const subscriber = (): FedSubscriber => new Sender(feed);
/** A value whose length is the number after the colon, e.g. `a:60`. */
const value = (name: string): Buffer => Buffer.from(name.padEnd(Number(name.split(':')[1]), '.'));
const names = (sent: readonly string[]): string[] => sent.map((each) => each.replace(/\.*$/, ''));

beforeEach(() => {
  start('latest');
});

test('below the limit nothing is skipped', () => {
  const a = subscriber();
  for (let i = 0; i < 10; i++) a.deliver(value(`${i}:10`));
  expect(connection.waiting).toHaveLength(10);
  expect(feed.skippedEvents).toBe(0);
  expect(logger.lines).toEqual([]);
});

test('past it the newest value of each key is sent, in the order in which they became owed, when there is room again', () => {
  const [a, b, c] = [subscriber(), subscriber(), subscriber()] as const;
  a.deliver(value('a1:60'));
  for (const [key, name] of [
    [b, 'b1:60'],
    [c, 'c1:60'],
    [a, 'a2:60'],
    [c, 'c2:60'],
    [b, 'b2:60'],
    [b, 'b3:60'],
  ] as const)
    key.deliver(value(name));
  expect(names(connection.waiting)).toEqual(['a1:60']);
  connection.readAll();
  expect(names(connection.read)).toEqual(['a1:60', 'b3:60', 'c2:60', 'a2:60']);
  expect(feed.skippedEvents).toBe(3);
});

test('while anything is owed no value goes past it, though there may be room for it', () => {
  const [a, b] = [subscriber(), subscriber()];
  a.deliver(value('a1:60'));
  a.deliver(value('a2:60'));
  b.deliver(value('b1:10'));
  a.deliver(value('a3:10'));
  expect(names(connection.waiting)).toEqual(['a1:60']);
  connection.readAll();
  b.deliver(value('b2:10'));
  connection.readAll();
  expect(names(connection.read)).toEqual(['a1:60', 'a3:10', 'b1:10', 'b2:10']);
});

test('a value that is larger than the limit is sent when nothing else waits', () => {
  const a = subscriber();
  a.deliver(value('a1:500'));
  expect(names(connection.waiting)).toEqual(['a1:500']);
  a.deliver(value('a2:500'));
  connection.readAll();
  expect(names(connection.read)).toEqual(['a1:500', 'a2:500']);
  expect(feed.skippedEvents).toBe(0);
});

test('what was unsubscribed is not owed', () => {
  const [a, b] = [subscriber(), subscriber()];
  for (const key of [a, a, b]) key.deliver(value('x:100'));
  feed.forget(a);
  connection.readAll();
  expect(connection.read).toHaveLength(2);
  b.deliver(value('after:10'));
  expect(names(connection.waiting)).toEqual(['after:10']);
});

test('two log lines tell of a follower that is behind: with its port and the limit, and with how much was skipped', () => {
  const a = subscriber();
  for (let i = 0; i < 5; i++) a.deliver(value(`${i}:60`));
  expect(logger.lines).toEqual([
    { level: 'warn', message: expect.stringMatching(/^config: .*remotePort=4711 maxOutboxBytes=100$/) as string },
  ]);
  connection.readAll();
  expect(logger.lines.slice(1)).toEqual([
    { level: 'info', message: expect.stringMatching(/^config: .*caught up, remotePort=4711 skippedEvents=3$/) as string },
  ]);
});

test('one that is behind again and again is told of once a minute, and nothing that was skipped is left out', () => {
  const a = subscriber();
  const fallBehind = (): void => {
    for (let i = 0; i < 3; i++) a.deliver(value(`${i}:60`));
    connection.readAll();
  };
  for (let i = 0; i < 4; i++) fallBehind();
  expect(logger.lines).toHaveLength(2);
  clock.advance(60_000);
  fallBehind();
  expect(logger.lines).toHaveLength(4);
  expect(logger.lines[3]!.message).toContain('skippedEvents=4');
});

test("with delivery 'every' nothing is skipped: that there is no room is told instead", () => {
  start('every');
  const a = subscriber();
  a.deliver(value('a1:500')); // larger than the limit, alone
  connection.readAll();
  a.deliver(value('a2:60'));
  a.deliver(value('a3:40'));
  expect(tooSlow).toBe(0);
  a.deliver(value('a4:1'));
  expect(tooSlow).toBe(1);
  connection.readAll();
  expect(names(connection.read)).toEqual(['a1:500', 'a2:60', 'a3:40']);
  expect(logger.lines).toEqual([]);
});

class HostedConnection extends FakeConnection {
  readonly dialect = V1;
  receiver: Receiver = () => undefined;
  end!: (end: ConnectionEnd) => void;
  readonly closed = new Promise<ConnectionEnd>((resolve) => (this.end = resolve));

  nextId = (): number => 1;
  limitOutbox = (): void => undefined;
  trust = (): void => undefined;
  send = (): void => undefined;
  sendEvent = (frame: Buffer): void => void this.waiting.push(frame.toString('latin1'));
}

test('the host of a channel shows what waits for each follower, and counts what was skipped also of those that are gone', async () => {
  const Registry = upstreamClass();
  const values = new ValueCodec(structuredTranscode);
  const spec = {
    name: 'config',
    createUpstream: () => new Registry(),
    methods: { subscribe: 'subscribe' },
    callable: new Set(),
    streams: new Set(),
    values,
    legacyValues: values,
    formatKey: String,
    isBroadcast: true,
    allowsLegacyPeers: true,
    maxOutboxBytes: LIMIT,
    delivery: 'latest',
    logger,
    clock,
  } as unknown as ChannelSpec;
  const single = new Single(spec);
  single.start();
  await single.ready;
  const host = new ChannelHost(single, 1, () => undefined);
  const hosted = new HostedConnection();
  const envelope = { id: 1, timeoutMs: 1_000 };
  host.admitLegacy(hosted as unknown as Connection, { type: 'register', ...envelope, channel: 'config' });
  hosted.receiver({ type: 'subscribe', ...envelope, key: 'a', registration: 'a' });
  for (let i = 0; i < 4; i++) {
    Registry.last.push('a', 'x'.repeat(60));
    await new Promise(setImmediate);
  }
  expect(host.followers).toEqual([{ remotePort: 4711, outboxBytes: hosted.outboxBytes, skippedEvents: 2, streams: 0 }]);
  expect(hosted.outboxBytes).toBeGreaterThan(60);
  expect(host.skippedEvents).toBe(2);
  hosted.end({ reason: 'closed' });
  await hosted.closed;
  expect(host.followers).toEqual([]);
  expect(host.skippedEvents).toBe(2);
  await single.close();
});
