// The table of `trunkline status`.

import type { ApplicationStatus } from '../../../src/cli/control/control-protocol';
import { statusTable } from '../../../src/cli/show/status-view';

const plain = { style: (_: string, text: string) => text };
const base = { restarts: 0, readyForMs: undefined, memoryBytes: undefined, eventLoopDelayMs: undefined, lastEnd: undefined };

const status: ApplicationStatus = {
  state: 'running',
  pid: 100,
  baseDir: '/app',
  version: '1.2.3',
  node: 'v20.0.0',
  startedAt: '2026-01-01T00:00:00.000Z',
  uptimeMs: 11_520_000,
  clusterPort: 20_001,
  address: { address: '127.0.0.1', port: 8080 },
  undelivered: 0,
  processes: [
    { ...base, name: 'agent', pid: 101, state: 'ready', readyForMs: 5_000, memoryBytes: 50 * 2 ** 20, eventLoopDelayMs: 12 },
    {
      ...base,
      name: 'worker 1',
      pid: undefined,
      state: 'crash-loop',
      restarts: 12,
      lastEnd: 'ended with code 1: Error: no\n  at x',
    },
  ],
};

test('a line for each process, numbers at the right, and how the last one has ended', () => {
  expect(statusTable('shop', status, plain)).toBe(
    [
      'shop · running for 3 h 12 min · pid 100 · listens on 127.0.0.1:8080 · cluster port 20001 · trunkline 1.2.3',
      'NAME      PID  STATE       READY FOR  RESTARTS  MEMORY  LOOP DELAY',
      'agent     101  ready           5.0 s         0   50 MB       12 ms',
      'worker 1    -  crash-loop          -        12       -           -',
      'worker 1 last ended with code 1: Error: no',
    ].join('\n'),
  );
});

test('an application that starts has nothing to show yet', () => {
  const starting = { ...status, state: 'starting' as const, address: undefined, clusterPort: undefined, processes: [] };
  expect(statusTable('shop', starting, plain)).toBe(
    'shop · starting for 3 h 12 min · pid 100 · trunkline 1.2.3\nNAME  PID  STATE  READY FOR  RESTARTS  MEMORY  LOOP DELAY',
  );
});

test('messages that reached nobody are told', () => {
  expect(statusTable('shop', { ...status, undelivered: 3 }, plain)).toContain('3 messages undelivered');
});

test('colours do not move the columns', () => {
  const colored = { style: (_: string, text: string) => `<${text}>` };
  expect(statusTable('shop', status, colored)).toContain('agent     101  <ready     >      5.0 s');
});
