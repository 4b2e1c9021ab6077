// What `trunkline top` shows.

import { sparkline } from '../../../src/cli/show/sparkline';
import { topLines, type Order, type Size } from '../../../src/cli/show/top-view';
import { HostHistory } from '../../../src/view/host-history';
import { ScriptedHost } from '../../support/scripted-host';

const plain = { style: (_: unknown, text: string): string => text };
const marked = { style: (format: string, text: string): string => `<${format}>${text}` };

let host: ScriptedHost;
let history: HostHistory;

beforeEach(() => {
  host = new ScriptedHost({ workers: 3, channels: ['ConfigClient'] }, Date.UTC(2026, 0, 1));
  history = new HostHistory();
  history.take(host.view);
});

function lines(size: Partial<Size> = {}, order: Order = 'name', lost?: string, out: typeof plain = plain): string[] {
  const state = { name: 'shop', view: host.view, rates: history.rates, points: history.points, order, lost };
  return topLines(state, { columns: 140, rows: undefined, ...size }, out);
}

it('has the rates, the channels, the processes and the latest events', () => {
  host.advance(1_000, { calls: 30, values: 4, latencyMs: 2 });
  history.take(host.view);
  host.happen({ kind: 'failover', subject: 'ConfigClient', pid: 4_102, text: 'worker 1 leads', durationMs: 31 });
  const text = lines().join('\n');
  expect(text).toMatch(/^shop · running for 1 h 6 min · 127\.0\.0\.1:8080 · on web-3\.example · /);
  expect(text).toMatch(/calls {6}120\/s {2}p50 1\.8 ms · p99 2\.5 ms · 0\/s fail +█/);
  expect(text).toMatch(/values {6}16\/s {2}0 B wait for followers · 1 upstream connections, 3 saved +█/);
  expect(text).toMatch(/ConfigClient +agent 4101 +3 +ok +3 +6 +120 +16 +0 B/);
  expect(text).toMatch(/worker 2 +4103 +ready +follows 1 +30 +4\.0/);
  expect(text).toMatch(/failover +ConfigClient: worker 1 leads \(31 ms\)/);
});

it('sorts by calls or memory, the most first', () => {
  host.changeProcess('worker 2', { memoryBytes: 2 ** 31 });
  const [client] = host.view.processes[3]!.clients;
  host.change({ at: host.view.at + 1_000 });
  host.changeProcess('worker 3', { clients: [{ ...client!, calls: { ...client!.calls, ok: 99 } }] });
  history.take(host.view);
  const first = (order: Order): string => lines({}, order).find((line) => /^(agent|master|worker)/.test(line))!;
  expect([first('calls'), first('memory'), first('name')].map((line) => line.slice(0, 8))).toEqual([
    'worker 3',
    'worker 2',
    'master  ',
  ]);
});

it.each([
  [140, 24],
  [60, 12],
  [20, 5],
  [10, 2],
])('fits %i columns and %i rows', (columns, rows) => {
  for (let i = 0; i < 70; i++) host.happen({ kind: 'crash', subject: 'worker 1', pid: undefined, text: 'x'.repeat(500) });
  const shown = lines({ columns, rows });
  expect(shown.length).toBeLessThanOrEqual(rows);
  expect(Math.max(...shown.map((line) => line.length))).toBeLessThanOrEqual(columns);
});

it('says how many processes do not fit', () => {
  host = new ScriptedHost({ workers: 64 });
  const shown = lines({ rows: 24 });
  expect(shown.find((line) => /^… and \d+ more$/.test(line))).toBeDefined();
  expect(shown.at(-1)).toBe('q quit · sort by: c calls, m memory, n name');
});

it('marks what is wrong', () => {
  host.changeProcess('worker 1', { state: 'crash-loop', pid: undefined });
  host.changeChannel('ConfigClient', () => ({ leaderPid: undefined }));
  const shown = lines({}, 'name', 'shop is not running', marked as typeof plain);
  expect(shown).toContain('<red>no data: shop is not running; trying again …');
  expect(shown.find((line) => line.startsWith('<red>worker 1'))).toBeDefined();
  expect(shown.find((line) => /^<red>ConfigClient +none/.test(line))).toBeDefined();
});

it('lets nothing that a process says move the cursor', () => {
  host.happen({ kind: 'crash', subject: 'worker 1', pid: undefined, text: 'a\u001b[2Jb\nc\u0007d' });
  expect(lines().find((line) => line.includes('worker 1: a'))).toMatch(/a \[2Jb c d$/);
});

it('shows a host without processes, and one that has not been seen yet', () => {
  host.change({ processes: [], channels: [], application: undefined });
  expect(lines().join('\n')).toContain('no process uses a shared client yet');
  const state = { name: 'shop', view: undefined, rates: undefined, points: [], order: 'name', lost: 'no answer' } as const;
  expect(topLines(state, { columns: 80, rows: 10 }, plain)).toEqual(['shop', 'no data: no answer; trying again …']);
});

it.each([
  [[], 5, ''],
  [[0, 0], 5, '▁▁'],
  [[1, 2, 4, 8], 9, '▂▃▅█'],
  [[9, 1, 8], 2, '▂█'],
  [[3], 0, ''],
])('a line of bars of %j in %i columns', (values, width, bars) => {
  expect(sparkline(values, width)).toBe(bars);
});
