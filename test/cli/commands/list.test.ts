// The table of `trunkline list`.

import type { ApplicationStatus } from '../../../src/cli/control/control-protocol';
import { listTable } from '../../../src/cli/commands/list';

const base = { restarts: 0, readyForMs: 1, memoryBytes: undefined, eventLoopDelayMs: undefined, lastEnd: undefined };
const status: ApplicationStatus = {
  ...{ state: 'running', pid: 100, baseDir: '/app', version: '1.2.3', node: 'v20.0.0', startedAt: '', uptimeMs: 5_000 },
  ...{ clusterPort: 20_001, address: { address: '127.0.0.1', port: 8080 }, undelivered: 0 },
  processes: [
    { ...base, name: 'agent', pid: 101, state: 'ready' },
    { ...base, name: 'worker 1', pid: 102, state: 'ready' },
    { ...base, name: 'worker 2', pid: undefined, state: 'crash-loop' },
  ],
};

test('a line for each application, and what is not known of one that does not answer', () => {
  const found = [
    { place: { name: 'shop', pidFile: '/run/shop.pid' }, pid: 100, status },
    { place: { name: 'mute', pidFile: '/run/mute.pid' }, pid: 7, status: undefined },
  ];
  expect(listTable(found, { style: (_, text) => text })).toBe(
    [
      'NAME  PID  STATE      WORKERS  LISTENS ON      SINCE  PID FILE',
      'shop  100  running        1/2  127.0.0.1:8080  5.0 s  /run/shop.pid',
      'mute    7  no answer        -  -                   -  /run/mute.pid',
    ].join('\n'),
  );
});
