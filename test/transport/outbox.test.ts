// The outbox over a stream that takes bytes when the test says so.

import type { Socket } from 'node:net';
import { Writable } from 'node:stream';
import { v2Codec } from '../../protocol/v2';
import { Outbox } from '../../src/transport/outbox';
import { ManualClock } from '../../src/testing/manual-clock';

const KiB = 1024;
const LIMIT = 100 * KiB;
/** The high-water mark of the stream, given because Node.js 22 changed the default. */
const HIGH_WATER_MARK = 16 * KiB;

class HeldStream extends Writable {
  bytesWritten = 0;
  #callback: (() => void) | undefined;

  override _write(chunk: Buffer, _: string, callback: () => void): void {
    this.bytesWritten += chunk.length;
    this.#callback = callback;
  }

  override _writev(chunks: { chunk: Buffer }[], callback: () => void): void {
    for (const { chunk } of chunks) this.bytesWritten += chunk.length;
    this.#callback = callback;
  }

  /** The system takes all given bytes. */
  async take(): Promise<void> {
    await new Promise(process.nextTick); // the cork goes with the tick
    this.#callback?.();
    await new Promise(process.nextTick);
  }

  async takeAll(): Promise<void> {
    do
      await this.take(); // what is written goes to the stream with the end of the tick
    while (this.writableLength > 0);
  }
}

let stream: HeldStream;
let clock: ManualClock;
let outbox: Outbox;
let tooSlow: number;

beforeEach(() => {
  stream = new HeldStream({ highWaterMark: HIGH_WATER_MARK });
  clock = new ManualClock();
  outbox = new Outbox(stream as unknown as Socket, clock);
  tooSlow = 0;
  outbox.limit(LIMIT, () => tooSlow++);
});

afterEach(() => {
  outbox.stop();
  expect(clock.pending).toBe(0);
});

const answer = (kibibytes: number): void => outbox.writeRequired(Buffer.alloc(kibibytes * KiB));

test('what the present code writes and what its promise reactions write leave in one system call', async () => {
  const writev = jest.spyOn(stream, '_writev');
  answer(1);
  void Promise.resolve().then(() => answer(1));
  await stream.take();
  expect(writev.mock.calls.map(([chunks]) => chunks.length)).toEqual([2]);
});
/** Long enough for any judgement about a burst. */
const pass = (): void => clock.advance(2_500);

test('it says how much waits: in the socket, corked or not, and in chunks', async () => {
  outbox.upgrade();
  expect([outbox.bytes, outbox.isDrained]).toEqual([0, true]);
  outbox.write(v2Codec.encode({ type: 'topic-event', topic: 1, payload: Buffer.alloc(10 * KiB) }));
  expect(outbox.bytes).toBe(10 * KiB + 12);
  const frame = v2Codec.encode({ type: 'topic-event', topic: 2, payload: Buffer.alloc(1_000 * KiB) });
  outbox.write(frame);
  outbox.write(v2Codec.encode({ type: 'topic-event', topic: 2, payload: Buffer.alloc(0) })); // behind the long frame
  expect(outbox.isDrained).toBe(false);
  expect(outbox.bytes).toBeGreaterThanOrEqual(1_010 * KiB + 36);
  expect(outbox.bytes).toBeLessThan(1_011 * KiB); // headers of chunks
  await stream.takeAll();
  expect([outbox.bytes, outbox.isDrained]).toEqual([0, true]);
});

test('who waits for room is called once, when long frames have left as well', async () => {
  outbox.upgrade();
  outbox.write(v2Codec.encode({ type: 'topic-event', topic: 2, payload: Buffer.alloc(1_000 * KiB) }));
  const left: number[] = [];
  outbox.whenDrained(() => left.push(outbox.bytes));
  await stream.take();
  expect(left).toEqual([]);
  await stream.takeAll();
  expect(left).toHaveLength(1);
  expect(left[0]).toBeLessThan(stream.writableHighWaterMark);
});

test('answers beyond the limit that nobody reads are too much after a while', () => {
  for (let i = 0; i < 30; i++) answer(10);
  clock.advance(1_000);
  expect(tooSlow).toBe(0);
  pass();
  expect(tooSlow).toBe(1);
});

test('many times the limit is too much at once', () => {
  for (let i = 0; i < 85; i++) answer(10);
  expect(tooSlow).toBeGreaterThan(0);
});

test('a burst that is read in time is not too much', async () => {
  for (let i = 0; i < 70; i++) answer(10);
  clock.advance(1_000);
  await stream.takeAll();
  pass();
  expect(tooSlow).toBe(0);
});

test('a side that reads at least the limit in this time, but is always behind, is not ended until it stops reading', async () => {
  for (let round = 0; round < 5; round++) {
    for (let i = 0; i < 30; i++) answer(10);
    await stream.take();
    for (let i = 0; i < 30; i++) answer(10);
    clock.advance(2_000);
    expect(tooSlow).toBe(0);
    await stream.take();
  }
  for (let i = 0; i < 30; i++) answer(10);
  pass();
  pass();
  expect(tooSlow).toBe(1);
});

test('one answer that is larger than the limit is not too much, whatever small ones are beside it', () => {
  answer(1);
  answer(5_000);
  for (let i = 0; i < 90; i++) answer(1);
  pass();
  expect(tooSlow).toBe(0);
});

test('events that wait, and answers that were read, do not make small answers too much', async () => {
  for (let i = 0; i < 15; i++) answer(50);
  await stream.takeAll();
  for (let i = 0; i < 10; i++) outbox.write(Buffer.alloc(LIMIT));
  for (let i = 0; i < 90; i++) answer(1);
  pass();
  expect(tooSlow).toBe(0);
});

test('who waits for room is called, also when the socket takes what it has before the events of this turn follow', async () => {
  outbox.writeEvent(Buffer.alloc(10 * KiB));
  await new Promise(process.nextTick);
  outbox.writeEvent(Buffer.alloc(7 * KiB)); // goes at the end of the turn
  expect(outbox.isDrained).toBe(false);
  let called = 0;
  outbox.whenDrained(() => called++);
  await stream.take();
  await new Promise(setImmediate);
  await stream.takeAll();
  expect({ called, waiting: outbox.bytes }).toEqual({ called: 1, waiting: 0 });
});

test('answers that were read do not count later, although something has waited all the time', async () => {
  answer(20);
  await new Promise(process.nextTick); // on the way when the next event comes
  for (let round = 0; round < 40; round++) {
    answer(20);
    await stream.take();
    expect(outbox.bytes).toBeGreaterThan(0);
  }
  for (let i = 0; i < 10; i++) outbox.write(Buffer.alloc(LIMIT));
  answer(1);
  pass();
  expect(tooSlow).toBe(0);
});
