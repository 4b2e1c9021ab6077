// Rates from counters.

import { quantile, ratesOf } from '../../src/view/host-rates';
import { ScriptedHost } from '../support/scripted-host';

it('are what has grown, by the time between two views', () => {
  const host = new ScriptedHost({ workers: 2 });
  const before = host.view;
  host.advance(2_000, { calls: 30, failed: 2, values: 10 });
  const { sample, byPid, byChannel } = ratesOf(before, host.view);
  expect(sample).toMatchObject({ callsPerS: 48, failedPerS: 3, valuesPerS: 15 });
  expect(byPid.get(4_102)).toEqual({ callsPerS: 16, valuesPerS: 5 });
  expect(byChannel.get('ConfigClient @ 7777')).toEqual({ callsPerS: 48, valuesPerS: 15 });
});

it('are 0 without an earlier view, and when no time has passed', () => {
  const { view } = new ScriptedHost({ workers: 2 });
  const nothing = { callsPerS: 0, failedPerS: 0, valuesPerS: 0, p50Ms: undefined, p99Ms: undefined };
  expect(ratesOf(undefined, view).sample).toMatchObject(nothing);
  expect(ratesOf(view, view).sample).toMatchObject(nothing);
});

it('count a new process from 0, and never go below 0 when a process is gone', () => {
  const host = new ScriptedHost({ workers: 2 });
  host.advance(1_000, { calls: 100 });
  const before = host.view;
  const [first] = before.processes[2]!.clients;
  host.advance(1_000, {});
  host.changeProcess('worker 1', { pid: 9_999, clients: [{ ...first!, calls: { ...first!.calls, ok: 7 } }] });
  const { sample, byPid } = ratesOf(before, host.view);
  expect([sample.callsPerS, byPid.get(9_999)!.callsPerS, byPid.has(4_102)]).toEqual([7, 7, false]);
});

it('tell two clients of one channel in a process apart', () => {
  const host = new ScriptedHost({ workers: 1 });
  const twice = host.view.processes[1]!.clients[0]!;
  host.changeProcess('agent', { clients: [twice, twice] });
  const before = host.view;
  host.advance(1_000, { calls: 5 });
  expect(ratesOf(before, host.view).byPid.get(4_101)!.callsPerS).toBe(10);
});

it.each([
  [[], 0.5, undefined],
  [[0, 0, 0], 0.5, undefined],
  [[10], 0.5, 0.125],
  [[5, 5], 0.99, 0.495],
  [[99, 0, 0, 0, 0, 1], 0.99, 0.25],
  [[90, 0, 0, 0, 0, 10], 0.99, 9.5],
  [[...Array.from({ length: 14 }, () => 0), 3], 0.5, 5_000],
])('of %j the share %d is below %p ms', (counts, q, ms) => {
  expect(quantile(counts, q)).toEqual(ms === undefined ? undefined : expect.closeTo(ms, 6));
});
