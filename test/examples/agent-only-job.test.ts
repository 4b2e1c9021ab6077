// The example of a job that is done once on the host: rotating a log that every worker writes to.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LogRotation, type Rotation } from '../../examples/agent-only-job/log-rotation';
import { eventually } from '../support/eventually';
import { ExampleRun } from './example-run';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'trunkline-log-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

const logs = (): string[] => readdirSync(folder).sort();
const read = (name: string): string => readFileSync(join(folder, name), 'utf8');

/** The processes that have a line in the file. */
function writers(name: string): Set<string | undefined> {
  return new Set(logs().includes(name) ? [...read(name).matchAll(/Z (\d+) \d+\n/g)].map(([, pid]) => pid) : []);
}

describe('the application', () => {
  it('rotates once for three workers, loses no line, and goes on with a new agent', async () => {
    // With a line in the file there is something to rotate, however late the workers are.
    writeFileSync(join(folder, 'app.log'), `${new Date().toISOString()} 0 1\n`);
    const run = new ExampleRun('agent-only-job/main.js', [], { LOG_FILE: join(folder, 'app.log'), ROTATE_AFTER_MS: '300' });
    const [, agent] = await run.shows(/agent: process (\d+)/);
    await run.shows(new RegExp(`(worker \\d+: opened .* agent ${agent} [^]*){3}`));
    expect(logs().filter((name) => name !== 'app.log')).toEqual([expect.stringMatching(/^app\.[\d-]{10}\.log$/)]);

    process.kill(Number(agent), 'SIGKILL');
    const [, successor] = await run.shows(new RegExp(`agent (?!${agent})(\\d+): app.log is now app\\.[\\d.-]+\\.log`));
    await run.shows(new RegExp(`(worker \\d+: opened .* agent ${successor} [^]*){3}`));
    await eventually('all workers write to the new file', () => writers('app.log').size === 3);
    run.kill('SIGTERM');
    expect(await run.end()).toBe(0);
    expect(run.processes()).toEqual([]);

    expect(run.output.match(/is now/g)).toHaveLength(2);
    expect(run.output.match(/: opened/g)).toHaveLength(6);
    const wrote = [...run.output.matchAll(/worker (\d+): wrote (\d+) lines/g)].map(([, pid, count]) => [pid, Number(count)]);
    expect(wrote).toHaveLength(3);
    wrote.push(['0', 1]);
    const lines = logs().map(read).join('').trim().split('\n');
    const expected = wrote.flatMap(([pid, count]) => Array.from({ length: Number(count) }, (_, i) => `${pid} ${i + 1}`));
    expect(lines.map((line) => line.slice('2026-01-01T00:00:00.000Z '.length)).sort()).toEqual(expected.sort());
    await run.dispose();
  });
});

describe('the job', () => {
  let job: LogRotation;
  let rotations: Rotation[];

  beforeEach(() => {
    jest.spyOn(console, 'log').mockImplementation();
    jest.useFakeTimers({ now: new Date(2026, 5, 10, 23, 59, 50), doNotFake: ['nextTick'] });
  });
  afterEach(async () => {
    jest.useRealTimers();
    jest.restoreAllMocks();
    await job.close();
  });

  function start(firstAfterMs?: number): void {
    rotations = [];
    job = new LogRotation({ file: join(folder, 'app.log'), firstAfterMs });
    job.subscribe('rotated', (rotation) => rotations.push(rotation));
  }

  function write(text: string): void {
    writeFileSync(join(folder, 'app.log'), `${new Date().toISOString()} ${text}\n`, { flag: 'a' });
  }

  it('is done at every midnight', () => {
    start();
    for (const day of ['first', 'second', 'third']) {
      write(day);
      jest.advanceTimersByTime(24 * 3_600_000);
    }
    expect(logs()).toEqual(['app.2026-06-10.log', 'app.2026-06-11.log', 'app.2026-06-12.log']);
    expect(read('app.2026-06-11.log')).toMatch(/second\n$/);
    expect(rotations.map(({ renamedTo }) => renamedTo)).toEqual([undefined, ...logs()]);
  });

  it('waits for a clock that was set back', () => {
    start();
    write('a line');
    jest.setSystemTime(new Date(2026, 5, 10, 23, 0, 0));
    jest.advanceTimersByTime(10_000);
    expect(logs()).toEqual(['app.log']);
    jest.advanceTimersByTime(3_600_000);
    expect(logs()).toEqual(['app.2026-06-10.log']);
  });

  it('notices within a minute that the host has slept through midnight', () => {
    jest.setSystemTime(new Date(2026, 5, 10, 12, 0, 0));
    start();
    write('a line');
    jest.setSystemTime(new Date(2026, 5, 11, 7, 0, 0));
    jest.advanceTimersByTime(60_000);
    expect(logs()).toEqual(['app.2026-06-10.log']);
  });

  it('is made up for by the next agent when there was none at midnight', () => {
    write('a line');
    jest.setSystemTime(new Date(2026, 5, 11, 0, 0, 1));
    start();
    expect(logs()).toEqual(['app.2026-06-10.log']);
    expect(rotations).toEqual([{ by: process.pid, renamedTo: 'app.2026-06-10.log' }]);
  });

  it('never replaces the file of an earlier rotation', () => {
    for (const text of ['one', 'two', 'three']) {
      write(text);
      start(0);
      jest.clearAllTimers();
    }
    expect(logs()).toEqual(['app.2026-06-10.1.log', 'app.2026-06-10.2.log', 'app.2026-06-10.log']);
    expect(logs().map(read).join('')).toMatch(/two\n.*three\n.*one\n$/);
  });

  it('has nothing to do without a log', () => {
    start();
    jest.advanceTimersByTime(24 * 3_600_000);
    expect(rotations).toHaveLength(1);
  });
});

describe('the next midnight', () => {
  it.each([
    ['an ordinary day', 'Europe/Berlin', '2026-06-10T12:00:00+02:00', '2026-06-11T00:00:00+02:00'],
    ['the last millisecond of a day', 'Europe/Berlin', '2026-06-10T23:59:59.999+02:00', '2026-06-11T00:00:00+02:00'],
    ['midnight itself', 'Europe/Berlin', '2026-06-10T00:00:00+02:00', '2026-06-11T00:00:00+02:00'],
    ['a day of 23 hours', 'Europe/Berlin', '2026-03-29T00:00:00+01:00', '2026-03-30T00:00:00+02:00'],
    ['a day of 25 hours', 'Europe/Berlin', '2026-10-25T00:00:00+02:00', '2026-10-26T00:00:00+01:00'],
    ['the day before one that begins at 01:00', 'Africa/Cairo', '2026-04-23T12:00:00+02:00', '2026-04-24T01:00:00+03:00'],
    ['a day that ends an hour late', 'Africa/Cairo', '2026-10-29T22:30:00+03:00', '2026-10-30T00:00:00+02:00'],
    ['the last day of a year', 'Asia/Kathmandu', '2026-12-31T18:00:00+05:45', '2027-01-01T00:00:00+05:45'],
  ])('after %s in %s', (_what, zone, now, next) => {
    const module = join(__dirname, '../../dist/examples/agent-only-job/next-midnight.js');
    const script = `console.log(require(process.argv[1]).nextMidnight(new Date(process.argv[2])).toISOString())`;
    // The time zone of a process is fixed at the start.
    const { stdout } = spawnSync(process.execPath, ['-e', script, module, now], { env: { TZ: zone }, encoding: 'utf8' });
    expect(stdout.trim()).toBe(new Date(next).toISOString());
  });
});
