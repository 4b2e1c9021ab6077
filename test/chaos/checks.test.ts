// The checks of chaos/ on histories that were written by hand: planted violations are found, and nothing where all is well.

import { CHANNELS } from '../../chaos/channels';
import { checkAll, inOrder } from '../../chaos/checks/check';
import { excerpt } from '../../chaos/checks/excerpt';
import { lengthWithout } from '../../chaos/checks/intervals';
import { Present } from '../../chaos/checks/present';
import { overlapsOf } from '../../chaos/checks/upstreams';
import type { Happening, HistoryEntry } from '../../chaos/history';

const PID = 11;
const client = { pid: PID, channel: 'plain', client: '11-plain-1' };
const subscription = { ...client, subscription: '11-plain-1-1', key: 'key-0' };

const entry = (at: number, happening: Happening): HistoryEntry => ({ at, ...happening });
const delivered = (at: number, version: number, fields: { subscription?: string; isWhole?: boolean } = {}): HistoryEntry =>
  entry(at, { kind: 'delivered', ...subscription, version, isWhole: true, isLeader: false, ...fields });
const called = (at: number, call: string, fields: { isIdempotent?: boolean; method?: string } = {}): HistoryEntry =>
  entry(at, { kind: 'called', ...client, call, method: 'increment', isIdempotent: false, limitMs: 1_000, ...fields });
const settled = (at: number, call: string, outcome = 'ok', fields: { ranMs?: number; isOwn?: boolean } = {}): HistoryEntry =>
  entry(at, { kind: 'settled', ...client, call, outcome, message: '', isOwn: true, ranMs: 10, ...fields });
const journal = (at: number, call: string, isIdempotent = false): HistoryEntry =>
  entry(at, { kind: 'journal', pid: 22, channel: 'plain', call, isIdempotent });
const on = (at: number, pid: number, connection: number, channel = 'plain'): HistoryEntry =>
  entry(at, { kind: 'upstream-on', pid, channel, connection });
const off = (at: number, pid: number, connection: number, channel = 'plain'): HistoryEntry =>
  entry(at, { kind: 'upstream-off', pid, channel, connection });
const fault = (at: number, kind: 'kill' | 'stop' | 'block', pid: number, until = at): HistoryEntry =>
  entry(at, { kind: 'fault', fault: kind, detail: '', pid, until });

const violationsOf = (...entries: HistoryEntry[]): string[] =>
  checkAll(inOrder(entries), CHANNELS).map(({ promise, what }) => `${promise}: ${what}`);

describe('deliveries', () => {
  it('that grow, repeat, or belong to different subscriptions are right', () => {
    expect(violationsOf(delivered(1, 1), delivered(2, 2), delivered(3, 2), delivered(4, 1, { subscription: 'other' }))).toEqual(
      [],
    );
  });

  it('of an older version are found, wherever the entry stands in the list', () => {
    expect(violationsOf(delivered(3, 4), delivered(1, 3), delivered(2, 5))).toEqual([
      'never backwards: subscription 11-plain-1-1 of plain/key-0 got version 4 after 5',
    ]);
  });

  it('are measured by the newest, not by the last', () => {
    expect(violationsOf(delivered(1, 5), delivered(2, 3), delivered(3, 4))).toHaveLength(2);
  });

  it('with other bytes, or after the subscription has ended, are found', () => {
    const unsubscribed = entry(2, { kind: 'unsubscribed', ...subscription });
    expect(violationsOf(delivered(1, 1, { isWhole: false }), unsubscribed, delivered(3, 2))).toEqual([
      expect.stringMatching(/^values arrive whole: .* got version 1 /),
      expect.stringMatching(/^unsubscribed listeners hear nothing: .* got version 2 after it was ended/),
    ]);
  });
});

describe('calls', () => {
  it('that are answered, or fail without having run, are right', () => {
    expect(
      violationsOf(
        called(1, 'a'),
        journal(2, 'a'),
        settled(3, 'a'),
        called(1, 'b'),
        settled(2, 'b', 'ERR_TRUNKLINE_NO_LEADER'),
        called(1, 'c'),
        journal(2, 'c'),
        settled(3, 'c', 'ERR_TRUNKLINE_LEADER_LOST'),
        called(1, 'd', { method: 'get' }),
        settled(2, 'd'),
      ),
    ).toEqual([]);
  });

  it('that were carried out twice are found, unless they are idempotent', () => {
    expect(violationsOf(called(1, 'a'), journal(2, 'a'), journal(3, 'a'))).toEqual([
      'at most once: call a of plain was carried out twice',
    ]);
    expect(violationsOf(called(1, 'a', { isIdempotent: true }), journal(2, 'a', true), journal(3, 'a', true))).toEqual([]);
  });

  it('that settle twice, or too late, are found', () => {
    expect(
      violationsOf(
        called(1, 'a'),
        settled(2, 'a', 'ERR_X'),
        settled(3, 'a', 'ERR_Y'),
        called(4, 'b'),
        settled(5, 'b', 'ERR_X', { ranMs: 1_001 }),
      ),
    ).toEqual([
      'every call settles: call a of plain settled again, with ERR_Y',
      'every call settles: call b of plain settled with ERR_X after 1001 ms of running time; 1000 were promised',
    ]);
  });

  it('that are answered without having run, or run although they say not, are found', () => {
    expect(
      violationsOf(
        called(1, 'a'),
        settled(2, 'a'),
        called(3, 'b'),
        settled(4, 'b', 'ERR_TRUNKLINE_NO_LEADER'),
        journal(5, 'b'),
        called(6, 'c'),
        journal(7, 'c'),
        settled(8, 'c', 'ok', { isOwn: false }),
      ),
    ).toEqual([
      'the outcome of a call is true: call c of plain got the answer of another call',
      'the outcome of a call is true: call a of plain was answered, but never carried out',
      expect.stringMatching(/call b of plain ended with ERR_TRUNKLINE_NO_LEADER.* but it was carried out by process 22$/),
    ]);
  });
});

describe('streams', () => {
  const stream = { ...client, stream: 's' };
  const began = (at: number, rows: number): HistoryEntry => entry(at, { kind: 'stream-began', ...stream, rows });
  const rows = (at: number, from: number, to: number): HistoryEntry => entry(at, { kind: 'stream-rows', ...stream, from, to });
  const ended = (at: number, outcome: string, fields: { returned?: number; isWhole?: boolean } = {}): HistoryEntry =>
    entry(at, { kind: 'stream-ended', ...stream, outcome, message: '', returned: undefined, isWhole: true, ...fields });
  const generator = (at: number, isBegun: boolean, connection = 1): HistoryEntry =>
    entry(at, { kind: 'generator', pid: 22, channel: 'plain', connection, stream: 's', isBegun });

  it('that are read to the end, left, or end with an error behind their rows, are right', () => {
    const whole = [began(1, 20), generator(1, true), rows(2, 1, 10), rows(3, 11, 20)];
    expect(violationsOf(...whole, ended(4, 'all', { returned: 20 }))).toEqual([]);
    expect(violationsOf(...whole, ended(4, 'left'))).toEqual([]);
    expect(violationsOf(began(1, 20), rows(2, 1, 10), ended(4, 'ERR_TRUNKLINE_LEADER_LOST'))).toEqual([]);
    expect(violationsOf(began(1, 0), ended(4, 'all', { returned: 0 }))).toEqual([]);
  });

  it('that lose a row, double one, or have one too many are found', () => {
    expect(violationsOf(began(1, 20), rows(2, 1, 10), rows(3, 12, 20), ended(4, 'left'))).toEqual([
      'every row once, in order: stream s of plain got row 12 instead of 11',
    ]);
    expect(violationsOf(began(1, 20), rows(2, 1, 10), rows(3, 10, 20), ended(4, 'left'))).toHaveLength(1);
    expect(violationsOf(began(1, 20), rows(2, 2, 10), ended(4, 'left'))).toHaveLength(1);
    expect(violationsOf(began(1, 5), rows(2, 1, 6), ended(4, 'left'))).toEqual([
      'every row once, in order: stream s of plain got 6 rows of 5',
    ]);
    expect(violationsOf(began(1, 9), rows(2, 1, 6), ended(4, 'left'), rows(5, 7, 7))).toEqual([
      'every row once, in order: stream s of plain got row 7 after its end',
    ]);
  });

  it('with an end that is not true, or told twice, are found', () => {
    const start = [began(1, 20), rows(2, 1, 10)];
    expect(violationsOf(...start, ended(4, 'all', { returned: 20 }))).toEqual([
      'the end of a stream is true: stream s of plain ended after 10 rows of 20, with 20',
    ]);
    expect(violationsOf(...start, ended(4, 'left'), ended(5, 'left'))).toHaveLength(1);
    expect(violationsOf(...start, ended(4, 'ERR_TRUNKLINE_NOT_SHARED'))).toHaveLength(1);
    expect(violationsOf(...start, ended(4, 'left', { isWhole: false }))).toEqual([
      expect.stringMatching(/^values arrive whole: stream s/),
    ]);
  });

  it('with a second generator are found, wherever it runs', () => {
    expect(violationsOf(began(1, 1), generator(2, true), generator(3, false), generator(4, true, 2))).toEqual([
      'at most once: stream s of plain has a second generator',
    ]);
  });

  it('that are under way, and generators that nobody reads, are shortcomings of a calm', () => {
    const missing = (...entries: HistoryEntry[]): string[] =>
      Present.of(entries)
        .shortcomings(new Map(), new Set(), 100, 200)
        .map(({ what }) => what);
    expect(missing(began(1, 1), generator(1, true))).toEqual([
      'stream s of plain has not ended in 199 ms',
      'the generator of stream s of plain still runs in process 22',
    ]);
    expect(missing(began(1, 1), generator(1, true), ended(2, 'left'), generator(3, false))).toEqual([]);
    const exited = entry(5, { kind: 'exited', pid: PID, how: 'SIGKILL', wasWanted: true, output: '' });
    expect(missing(began(1, 1), generator(1, true), exited, off(6, 22, 1))).toEqual([]);
  });
});

describe('upstream clients', () => {
  it('one after the other, or of different channels, are right', () => {
    expect(violationsOf(on(0, 1, 1), off(100, 1, 1), on(100, 2, 2), on(50, 3, 3, 'crowd'), off(9_000, 2, 2))).toEqual([]);
  });

  it('at the same time for too long are found, in two processes and in one', () => {
    expect(violationsOf(on(0, 1, 1), on(100, 2, 2), off(1_200, 1, 1))).toEqual([
      'one upstream client: plain had two upstream clients, process 1 and 2, at a time for 1100 ms in which both ran; 1000 are allowed',
    ]);
    expect(violationsOf(on(0, 1, 1), on(100, 1, 2), off(1_200, 1, 1))).toHaveLength(1);
  });

  it('that are never closed are found', () => {
    expect(violationsOf(on(0, 1, 1), on(100, 2, 2), on(5_000, 3, 3, 'crowd'))).toHaveLength(1);
  });

  it('may overlap longer while the first hands over', () => {
    const closing = entry(90, { kind: 'closing', pid: 1, channel: 'plain', client: '1-plain-1' });
    expect(violationsOf(on(0, 1, 1), closing, on(100, 2, 2), off(1_200, 1, 1))).toEqual([]);
    expect(violationsOf(on(0, 1, 1), closing, on(100, 2, 2), off(3_200, 1, 1))).toHaveLength(1);
  });

  it('may overlap while one of them does not run, and no longer', () => {
    const overlap = (until: number): HistoryEntry[] => [
      on(0, 1, 1),
      fault(50, 'stop', 1, 3_000),
      on(150, 2, 2),
      fault(2_900, 'block', 2, 3_500),
      off(until, 1, 1),
    ];
    expect(overlapsOf(inOrder(overlap(4_400)), CHANNELS)).toMatchObject([
      { from: 150, to: 4_400, ranMs: 900, isWhileStopped: true },
    ]);
    expect(violationsOf(...overlap(4_400))).toEqual([]);
    expect(violationsOf(...overlap(6_700))).toHaveLength(1);
  });

  it('nobody succeeds a stopped process that holds the port of one channel', () => {
    const story = (channel: string): HistoryEntry[] => [
      on(0, 1, 1, channel),
      fault(100, 'stop', 1, 3_000),
      on(1_000, 2, 2, channel),
      off(3_100, 1, 1, channel),
    ];
    expect(violationsOf(...story('few'))).toEqual([expect.stringContaining('although the first was stopped and held the port')]);
    expect(violationsOf(...story('plain'))).toEqual([]);
    expect(violationsOf(...story('few'), fault(900, 'kill', 1))).toEqual([]);
    const leaving = entry(90, { kind: 'fault', fault: 'leave', detail: '', pid: 1, until: 90 });
    expect(violationsOf(...story('few'), leaving)).toEqual([]);
  });
});

describe('ends', () => {
  it('that we made are right', () => {
    expect(violationsOf(entry(1, { kind: 'exited', pid: PID, how: 'SIGKILL', wasWanted: true, output: '' }))).toEqual([]);
  });

  it.each<[string, Happening]>([
    ['nothing after close', { kind: 'after-close', ...client, message: 'log: leader lost' }],
    ['no crash', { kind: 'exited', pid: PID, how: 'code 1', wasWanted: false, output: 'TypeError' }],
    ['no crash', { kind: 'unhandled', pid: PID, message: 'Error: nobody waits' }],
    ['every trace ends once', { kind: 'telemetry', pid: PID, message: 'the trace of get of a has not ended' }],
    ['bounded memory', { kind: 'memory', pid: PID, rssBytes: 2 ** 31, leads: 1 }],
  ])('%s: the violation is found', (promise, happening) => {
    expect(violationsOf(entry(1, happening))).toEqual([expect.stringMatching(new RegExp(`^${promise}: process 11 `))]);
  });
});

describe('a calm', () => {
  const versions = new Map([['plain/key-0', 2]]);
  const shortcomings = (entries: HistoryEntry[], answeredSince?: number, published = ['plain/there']): string[] =>
    Present.of(entries)
      .shortcomings(versions, new Set(published), 100, 200, answeredSince)
      .map(({ what }) => what);
  const ready = [
    entry(1, { kind: 'created', ...client }),
    entry(2, { kind: 'role', ...client, isReady: true, isLeader: false }),
    entry(3, { kind: 'subscribed', ...subscription }),
    entry(3, { kind: 'published', ...client, name: 'there' }),
  ];

  it('is reached when all are ready, have the newest value, and wait for no answer', () => {
    expect(shortcomings([...ready, delivered(4, 1), delivered(5, 2), called(6, 'a'), settled(7, 'a')], 7)).toEqual([]);
  });

  it.each<[string, HistoryEntry[]]>([
    ['stays at version none', []],
    ['stays at version 1', [delivered(4, 1)]],
    ['has not settled', [delivered(4, 2), called(5, 'a')]],
    ['is not ready', [delivered(4, 2), entry(5, { kind: 'role', ...client, isReady: false, isLeader: false })]],
    ['is not published', [delivered(4, 2), entry(5, { kind: 'published', ...client, name: 'more' })]],
    ['plain/there is still published', [delivered(4, 2), entry(5, { kind: 'unpublished', ...client, name: 'there' })]],
  ])('is not reached while something %s', (what, rest) => {
    expect(shortcomings([...ready, ...rest])).toEqual([expect.stringContaining(what)]);
  });

  it('is not reached while a client is closing, and while what it published is still there', () => {
    expect(shortcomings([...ready, entry(5, { kind: 'closing', ...client })])).toEqual([
      expect.stringContaining('plain/there is still published'),
      expect.stringContaining('has not finished close()'),
    ]);
  });

  it('is not reached without answers, when they are asked for', () => {
    const failed = [...ready, delivered(4, 2), called(5, 'a'), settled(6, 'a', 'ERR_X')];
    expect(shortcomings(failed)).toEqual([]);
    expect(shortcomings(failed, 5)).toEqual([expect.stringContaining('gets no answer')]);
  });

  it('expects nothing of subscriptions that have ended, clients that are closed, and processes that are gone', () => {
    expect(shortcomings([...ready, entry(5, { kind: 'unsubscribed', ...subscription })])).toEqual([]);
    const closed = [...ready, entry(5, { kind: 'closing', ...client }), entry(6, { kind: 'closed', ...client })];
    expect(shortcomings(closed, undefined, [])).toEqual([]);
    const exited = entry(5, { kind: 'exited', pid: PID, how: 'SIGKILL', wasWanted: true, output: '' });
    expect(shortcomings([...ready, called(4, 'a'), exited], undefined, [])).toEqual([]);
  });
});

it('the excerpt has what the violation is about, the faults meanwhile, and nothing else', () => {
  const history = inOrder([
    delivered(100, 9),
    fault(5_500, 'stop', 22, 9_000), // leads the channel
    fault(5_600, 'stop', 33, 9_000),
    on(5_000, 22, 1),
    on(5_000, 33, 2, 'crowd'),
    delivered(6_000, 8),
    delivered(6_100, 7, { subscription: 'other' }),
    called(6_100, 'a'),
    delivered(6_500, 6),
    delivered(7_500, 5),
  ]);
  const violation = checkAll(history, CHANNELS).find(({ what }) => what.includes('got version 6'))!;
  expect(excerpt(history, { ...violation, from: 6_000 }, 0).map((text) => text.replace(/ +/g, ' ').trim())).toEqual([
    '+5.000 s process 22 plain upstream-on connection=1',
    '+5.500 s process 22 fault fault=stop forMs=3500',
    expect.stringMatching(/^\+6\.000 s process 11 plain delivered .*version=8/),
    expect.stringMatching(/^\+6\.500 s process 11 plain delivered .*version=6/),
  ]);
});

it('time in which something did not run counts once', () => {
  const interval = { from: 0, to: 100 };
  expect(lengthWithout(interval, [])).toBe(100);
  expect(
    lengthWithout(interval, [
      { from: 40, to: 60 },
      { from: -10, to: 10 },
      { from: 50, to: 70 },
      { from: 90, to: 200 },
    ]),
  ).toBe(50);
});
