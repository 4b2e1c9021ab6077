// Heartbeat alone, with time in the hands of the test.

import { Heartbeat, SILENCE_INTERVALS } from '../../src/transport/heartbeat';
import { ManualClock } from '../../src/testing/manual-clock';

let clock: ManualClock;
let pings: number[];
let silences: number[];
let startedAt: number;

function start(intervalMs: number): Heartbeat {
  return new Heartbeat(
    clock,
    intervalMs,
    () => pings.push(clock.now() - startedAt),
    (silentMs) => silences.push(silentMs),
  );
}

beforeEach(() => {
  clock = new ManualClock();
  startedAt = clock.now();
  pings = [];
  silences = [];
});

test('silence is answered with a ping after one and two intervals, and with the end after 2.5', () => {
  start(1_000);
  clock.advance(999);
  expect(pings).toEqual([]);
  clock.advance(1);
  expect(pings).toEqual([1_000]);
  clock.advance(1_000);
  expect(pings).toEqual([1_000, 2_000]);
  clock.advance(499);
  expect(silences).toEqual([]);
  clock.advance(1);
  expect(silences).toEqual([1_000 * SILENCE_INTERVALS]);
});

test('the end is told once, and leaves no timer', () => {
  start(1_000);
  clock.advance(100_000);
  expect(silences).toHaveLength(1);
  expect(pings).toHaveLength(2);
  expect(clock.pending).toBe(0);
});

test('any byte is life; a ping goes out in every interval nevertheless, once', () => {
  const heartbeat = start(1_000);
  for (let i = 0; i < 100; i++) {
    clock.advance(900);
    heartbeat.heard(clock.now());
  }
  expect(silences).toEqual([]);
  expect(pings).toEqual(Array.from({ length: 90 }, (_, index) => (index + 1) * 1_000));
});

test('an answer at the last moment starts the count anew', () => {
  const heartbeat = start(1_000);
  clock.advance(2_499);
  heartbeat.heard(clock.now());
  clock.advance(2_499);
  expect(silences).toEqual([]);
  clock.advance(1);
  expect(silences).toEqual([2_500]);
});

test('after stop() nothing happens and no timer is left', () => {
  const heartbeat = start(1_000);
  clock.advance(1_500);
  heartbeat.stop();
  heartbeat.stop();
  clock.advance(10_000);
  expect({ pings, silences, timers: clock.pending }).toEqual({ pings: [1_000], silences: [], timers: 0 });
});

test('a long pause of this process itself is not blamed on the other side', () => {
  const heartbeat = start(1_000);
  clock.advance(900);
  clock.sleep(60_000);
  expect(silences).toEqual([]);
  expect(pings).toHaveLength(1); // asks at once
  clock.advance(100);
  heartbeat.heard(clock.now()); // what lay in the socket
  clock.advance(2_400);
  expect(silences).toEqual([]);
});

test('a peer that stays silent after a pause of this process is still found', () => {
  start(1_000);
  clock.sleep(60_000);
  clock.advance(2_499);
  expect(silences).toEqual([]);
  clock.advance(1_000);
  expect(silences).toHaveLength(1);
});

test('pauses that follow each other are none of them blamed', () => {
  start(1_000);
  for (let i = 0; i < 10; i++) clock.sleep(5_000);
  expect(silences).toEqual([]);
});

test.each([100, 300, 1_000])(
  'with an interval of %d ms, a short pause is not blamed either: the answer may lie in the socket unread',
  (intervalMs) => {
    const heartbeat = start(intervalMs);
    clock.advance(intervalMs); // a ping goes out; the answer comes while this process does not run
    expect(pings).toHaveLength(1);
    // The timer of the second ping is late by less than what counts as a pause, and yet the limit is over.
    const lateMs = 190;
    clock.sleep(intervalMs + lateMs);
    if (intervalMs + intervalMs + lateMs < intervalMs * SILENCE_INTERVALS) {
      clock.advance(intervalMs * SILENCE_INTERVALS - 2 * intervalMs - lateMs - 1);
    }
    expect(silences).toEqual([]);
    heartbeat.heard(clock.now()); // sockets are read after timers have run
    clock.advance(intervalMs);
    expect(silences).toEqual([]);
  },
);
