// What `trunkline start` shows: on a terminal, in a pipe, in a log, to a program.

import type { ApplicationStatus } from '../../../src/cli/control/control-protocol';
import type { StartEvent, StartProgress } from '../../../src/cli/show/events';
import type { Output } from '../../../src/cli/show/output';
import { jsonView, logView, progressLine, readyText, terminalView } from '../../../src/cli/show/start-view';
import { stepsOf } from '../../../src/cli/show/start-progress';

class Recorder implements Output {
  text = '';
  readonly isTty: boolean;

  constructor(isTty = false) {
    this.isTty = isTty;
  }

  write(text: string): void {
    this.text += text;
  }

  style(_: string, text: string): string {
    return text;
  }
}

const base = { restarts: 0, memoryBytes: undefined, eventLoopDelayMs: undefined, lastEnd: undefined, state: 'ready' as const };
const status: ApplicationStatus = {
  state: 'running',
  pid: 100,
  baseDir: '/app',
  version: '1.2.3',
  node: 'v20.0.0',
  startedAt: '2026-01-01T00:00:00.000Z',
  uptimeMs: 8_000,
  clusterPort: 20_001,
  address: { address: '127.0.0.1', port: 8080 },
  undelivered: 0,
  processes: [
    { ...base, name: 'agent', pid: 101, readyForMs: 7_600 },
    { ...base, name: 'worker 1', pid: 102, readyForMs: 7_000 },
    { ...base, name: 'worker 2', pid: 103, readyForMs: 300 },
  ],
};

const progress = (now: Partial<StartProgress>): StartProgress => {
  return { agent: 'ready', agentTookMs: 400, workersReady: 0, workers: 4, elapsedMs: 1_000, ...now };
};

test.each([
  [progress({ agent: 'starting', agentTookMs: undefined }), 'agent starting 1.0 s · workers 0/4'],
  [progress({ workersReady: 3 }), 'agent ready 0.4 s · workers 3/4'],
  [progress({ agent: undefined, agentTookMs: undefined, workersReady: 3 }), 'workers 3/4 1.0 s'],
])('%j is the line %j', (now, line) => {
  expect(progressLine(now)).toBe(line);
});

test('workers are timed from the readiness of the agent, the slowest first', () => {
  expect(stepsOf(status.processes, 8_000)).toEqual([
    { name: 'worker 2', tookMs: 7_300 },
    { name: 'worker 1', tookMs: 600 },
    { name: 'agent', tookMs: 400 },
  ]);
});

test('at the end address, processes and times are told, and the slowest when it was slow', () => {
  expect(readyText(status, 8_000, stepsOf(status.processes, 8_000)).split('\n')).toEqual([
    'ready on 127.0.0.1:8080 after 8.0 s · pid 100 · cluster port 20001',
    '  agent · pid 101 · 0.4 s',
    '  worker 1 · pid 102 · 0.6 s',
    '  worker 2 · pid 103 · 7.3 s',
    'slow: worker 2 took 7.3 s',
  ]);
});

test('a quick start has no slow step', () => {
  expect(readyText(status, 1_000, [{ name: 'agent', tookMs: 900 }])).not.toContain('slow');
});

test.each([
  ['in a pipe', false],
  ['on a terminal', true],
])('%s there is a whole line for each change, and no escape code', (_, isTty) => {
  const [stdout, stderr] = [new Recorder(isTty), new Recorder(isTty)];
  const view = terminalView(stdout, stderr);
  for (const workersReady of [0, 0, 1]) view({ event: 'progress', progress: progress({ workersReady }) });
  expect(stdout.text).toBe('agent ready 0.4 s · workers 0/4\nagent ready 0.4 s · workers 1/4\n');
});

test.each<StartEvent>([
  { event: 'stopping' },
  { event: 'failed', message: 'no', code: 1 },
  { event: 'ready', status, tookMs: 8_000, steps: [] },
])('after $event no progress is told', (event) => {
  const [stdout, stderr] = [new Recorder(true), new Recorder(true)];
  const view = terminalView(stdout, stderr);
  view(event);
  const before = stdout.text;
  view({ event: 'progress', progress: progress({ workersReady: 3 }) });
  expect(stdout.text).toBe(before);
});

test('failures and warnings go to standard error', () => {
  const [stdout, stderr] = [new Recorder(), new Recorder()];
  const view = terminalView(stdout, stderr);
  view({ event: 'log', level: 'warn', message: 'worker 1: ended: Error: no\n    at stack' });
  view({ event: 'failed', message: 'worker 1 ended: Error: no\n    at stack', code: 1 });
  // The stack once.
  expect(stderr.text).toBe('[trunkline] worker 1: ended: Error: no\ntrunkline: worker 1 ended: Error: no\n    at stack\n');
  expect(stdout.text).toBe('');
});

test.each<StartEvent>([
  { event: 'stopped', forced: true },
  { event: 'log', level: 'error', message: 'two\nlines' },
  { event: 'ready', status, tookMs: 8_000, steps: [] },
])('as JSON $event is one line with its time', (event) => {
  const stdout = new Recorder();
  jsonView(stdout)(event);
  expect(stdout.text.match(/\n/g)).toHaveLength(1);
  const { time, ...rest } = JSON.parse(stdout.text);
  expect(Date.parse(time)).toBeGreaterThan(0);
  expect(rest).toEqual(JSON.parse(JSON.stringify(event)));
});

test('a log has the time of each line', () => {
  const [stdout, stderr] = [new Recorder(), new Recorder()];
  const view = logView(stdout, stderr);
  view({ event: 'stopped', forced: true });
  view({ event: 'log', level: 'warn', message: 'look' });
  expect(stdout.text).toMatch(/^\d{4}-\S+Z \[trunkline\] stopped, but processes had to be killed\n$/);
  expect(stderr.text).toMatch(/^\d{4}-\S+Z \[trunkline\] look\n$/);
});
