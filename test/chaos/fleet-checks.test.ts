// The checks of chaos/fleet on histories that were written by hand: planted violations are found, and nothing where all is well.

import { inOrder } from '../../chaos/checks/check';
import { checkDeposed } from '../../chaos/fleet/checks/deposed';
import { checkGaps, gapsOf } from '../../chaos/fleet/checks/gaps';
import { checkWinners, takeovers } from '../../chaos/fleet/checks/winners';
import type { EntryOf, Happening, HistoryEntry } from '../../chaos/history';

/** Process 1 is on host a, process 3 on host b, process 5 on host c. */
const [A, B, C] = [1, 3, 5] as const;
const channel = 'fleet';

const entry = (at: number, happening: Happening): HistoryEntry => ({ at, ...happening });
const started = [A, B, C].map((pid) => entry(0, { kind: 'started', pid, slot: pid - 1 }));
const on = (at: number, pid: number, connection: number, epoch: number): HistoryEntry =>
  entry(at, { kind: 'upstream-on', pid, channel, connection, epoch });
const off = (at: number, pid: number, connection: number): HistoryEntry =>
  entry(at, { kind: 'upstream-off', pid, channel, connection });
const called = (at: number, pid: number, call: string): HistoryEntry =>
  entry(at, { kind: 'called', pid, channel, client: 'x', call, method: 'increment', isIdempotent: false, limitMs: undefined });
const journal = (at: number, pid: number, call: string, connection: number): HistoryEntry =>
  entry(at, { kind: 'journal', pid, channel, call, isIdempotent: false, connection });
const fault = (
  at: number,
  until: number,
  kind: EntryOf<'fault'>['fault'],
  where: { pid?: number; host?: string } = {},
): HistoryEntry => entry(at, { kind: 'fault', fault: kind, detail: '', until, ...where });
const delivered = (at: number, pid: number): HistoryEntry => {
  const of = { pid, channel, client: 'x', subscription: `${pid}-1`, key: 'key-0' };
  return entry(at, { kind: 'delivered', ...of, version: at, isWhole: true, isLeader: false });
};
const storm = entry(10, { kind: 'storm', detail: '' });
const calm = (at: number): HistoryEntry => entry(at, { kind: 'calm', detail: '' });
const history = (...entries: HistoryEntry[]) => inOrder([...started, ...entries]);

describe('a call that a deposed winner ran', () => {
  const winners = [on(100, A, 1, 7), on(5_000, B, 2, 8)];

  it('is a violation when it was made after the next winner had connected', () => {
    const [violation] = checkDeposed(history(...winners, called(5_100, C, 'late'), journal(5_200, A, 'late', 1)));
    expect(violation?.what).toContain('call late was made when process 3 had won epoch 8');
  });

  it('is none when it was made before, and may begin later, or came from the host of that winner', () => {
    expect(checkDeposed(history(...winners, called(4_900, C, 'old'), journal(6_000, A, 'old', 1)))).toEqual([]);
    expect(checkDeposed(history(...winners, called(5_100, A, 'own'), journal(5_200, A, 'own', 1)))).toEqual([]);
    expect(checkDeposed(history(...winners, called(5_100, C, 'new'), journal(5_200, B, 'new', 2)))).toEqual([]);
  });
});

describe('upstream clients of two hosts', () => {
  it('are a violation when they last while both processes run', () => {
    expect(checkWinners(history(on(100, A, 1, 7), on(1_000, B, 2, 8), off(3_000, A, 1)))).toHaveLength(1);
  });

  it('are none while the first is frozen', () => {
    const entries = [on(100, A, 1, 7), fault(500, 6_000, 'stop', { pid: A }), on(3_000, B, 2, 8), off(6_200, A, 1)];
    expect(checkWinners(history(...entries, calm(7_000)))).toEqual([]);
  });

  it('have the time between them measured', () => {
    expect(takeovers(history(on(100, A, 1, 7), off(1_000, A, 1), on(3_100, B, 2, 8)))).toEqual([2_100]);
  });
});

describe('silence', () => {
  const talking = [storm, on(20, A, 1, 7), delivered(100, C)];

  it('without a fault is a violation', () => {
    expect(checkGaps(history(...talking, delivered(5_700, C)))).toHaveLength(1);
    expect(checkGaps(history(...talking, calm(9_000)))).toHaveLength(1);
  });

  it('counts from a fault of the winner, and a fault of another host explains nothing', () => {
    expect(checkGaps(history(...talking, fault(3_000, 3_000, 'kill', { pid: A }), delivered(5_700, C)))).toEqual([]);
    expect(checkGaps(history(...talking, fault(3_000, 3_000, 'kill', { pid: B }), delivered(5_700, C)))).toHaveLength(1);
  });

  it('goes on while the winner is frozen, and not while the own host or the engine is', () => {
    const frozen = (pid: number) => [fault(200, 8_000, 'stop', { pid }), delivered(8_100, C), calm(9_000)];
    expect(checkGaps(history(...talking, ...frozen(A)))).toHaveLength(1);
    expect(checkGaps(history(...talking, ...frozen(C)))).toEqual([]);
    expect(checkGaps(history(...talking, fault(200, 8_000, 'link-cut', { host: 'c' }), delivered(8_100, C)))).toEqual([]);
    expect(checkGaps(history(...talking, fault(200, 8_000, 'engine-stop'), delivered(8_100, C)))).toEqual([]);
  });

  it('is none when nothing changes', () => {
    expect(gapsOf(history(...talking, calm(200), delivered(9_000, C)))).toEqual([{ pid: C, from: 100, to: 200 }]);
  });
});
