// Real processes: a shell that starts others.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import type { Readable } from 'node:stream';
import { Descendants } from '../../../src/supervisor/master/descendants';
import { eventually } from '../../support/eventually';

jest.mock('node:fs', () => {
  const actual = jest.requireActual<typeof fs>('node:fs');
  return { ...actual, readFileSync: jest.fn(actual.readFileSync), readdirSync: jest.fn(actual.readdirSync) };
});
const readFileSync = fs.readFileSync as unknown as jest.Mock<unknown, [unknown, unknown]>;
const actualRead = readFileSync.getMockImplementation()!;
const readdirSync = fs.readdirSync as unknown as jest.Mock<unknown, [unknown]>;
const actualList = readdirSync.getMockImplementation()!;

let roots: ChildProcess[] = [];
const left = new Set<number>();

afterEach(async () => {
  readFileSync.mockImplementation(actualRead);
  readdirSync.mockImplementation(actualList);
  for (const { pid } of roots) for (const each of [pid!, ...Descendants.of(pid!).pids]) left.add(each);
  for (const pid of left) if (isAlive(pid)) process.kill(pid, 'SIGKILL');
  await eventually(
    'the end of the shells',
    () => !roots.some(({ exitCode, signalCode }) => exitCode === null && signalCode === null),
  );
  roots = [];
  left.clear();
});

/** The entry of the kernel; empty when there is no such process. */
function statOf(pid: number): string {
  try {
    return String(actualRead(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return '';
  }
}

function isAlive(pid: number): boolean {
  return /\) [^ZX] /.test(statOf(pid));
}

/** A shell that runs the script, as soon as this many processes are below the shell. The script ends in sleeps. */
async function shell(script: string, below: number): Promise<{ pid: number; descendants: Descendants; output: Readable }> {
  const root = spawn('sh', ['-c', script], { stdio: ['ignore', 'pipe', 'ignore'] });
  roots.push(root);
  const descendants = await eventually(`${below} processes`, () => {
    const found = Descendants.of(root.pid!);
    return found.pids.length === below && found.pids.every(isSettled) ? found : undefined;
  });
  for (const pid of descendants.pids) left.add(pid);
  return { pid: root.pid!, descendants, output: root.stdout };
}

/** For a moment after the start a process is a copy of the parent, which would lose a signal. */
function isSettled(pid: number): boolean {
  return Descendants.of(pid).pids.length > 0 || statOf(pid).includes('(sleep)');
}

const DEAF = `sh -c 'trap "" TERM; while :; do sleep 0.05; done'`;

it('finds children and grandchildren, and neither the process itself nor strangers', async () => {
  const stranger = await shell('sleep 1000 & wait', 1);
  const { pid, descendants } = await shell('sleep 1000 & (sleep 1000 & wait; :) & wait', 3);
  expect(descendants.pids).not.toContain(pid);
  expect(descendants.pids).not.toContain(stranger.descendants.pids[0]);
  expect(Descendants.of(stranger.descendants.pids[0]!).pids).toEqual([]);
});

it('ends them without force when they listen to SIGTERM, also those whose parent is gone', async () => {
  const { pid, descendants } = await shell('sleep 1000 & (sleep 1000 & wait; :) & wait', 3);
  process.kill(pid, 'SIGKILL');
  await once(roots[0]!, 'exit');
  expect(descendants.pids.every(isAlive)).toBe(true);
  const { pids } = descendants;
  expect(await descendants.terminate(5_000)).toBe(false);
  expect(pids.filter(isAlive)).toEqual([]);
});

it('kills those who do not listen', async () => {
  const { descendants } = await shell(`${DEAF} & wait`, 2);
  const [deaf] = descendants.pids;
  expect(await descendants.terminate(50)).toBe(true);
  expect(isAlive(deaf!)).toBe(false);
});

it('kills at once when there is no time', async () => {
  const { descendants } = await shell('sleep 1000 & wait', 1);
  const { pids } = descendants;
  expect(await descendants.terminate(0)).toBe(true);
  expect(pids.filter(isAlive)).toEqual([]);
});

it('ends a stopped process, without force', async () => {
  const { descendants } = await shell('sleep 1000 & wait', 1);
  const [stopped] = descendants.pids;
  process.kill(stopped!, 'SIGSTOP');
  expect(await descendants.terminate(5_000)).toBe(false);
  expect(isAlive(stopped!)).toBe(false);
});

it('ends what its processes have started since the look', async () => {
  const script = `sh -c 'trap "sleep 1000 & echo \\$!; wait" TERM; sleep 1000 & wait' & wait`;
  const { descendants, output } = await shell(script, 2);
  const told = once(output, 'data');
  await descendants.terminate(5_000); // by force when the signal meets the new process while that one is still a copy of the shell
  const late = Number(String((await told)[0]));
  left.add(late);
  expect(late).toBeGreaterThan(1);
  expect(isAlive(late)).toBe(false);
});

it('has what a later look has found beside what was known', async () => {
  const early = await shell('sleep 1000 & wait', 1);
  const late = await shell('sleep 1000 & wait', 1);
  const both = [...early.descendants.pids, ...late.descendants.pids];
  early.descendants.add(late.descendants);
  expect(early.descendants.pids).toEqual(both);
  expect(await early.descendants.terminate(5_000)).toBe(false);
  expect(both.filter(isAlive)).toEqual([]);
});

it('does nothing when there is nobody', async () => {
  const childless = spawn('sleep', ['1000']);
  roots.push(childless);
  left.add(childless.pid!);
  const kill = jest.spyOn(process, 'kill');
  expect(await Descendants.of(childless.pid!).terminate(5_000)).toBe(false);
  expect(kill).not.toHaveBeenCalled();
  kill.mockRestore();
});

it('takes a process that nobody has waited for as ended', async () => {
  // exec makes the parent a program that ignores the end of children.
  const { descendants } = await shell('sleep 1000 & exec sleep 1001', 1);
  const [zombie] = descendants.pids;
  expect(await descendants.terminate(5_000)).toBe(false);
  expect(statOf(zombie!)).toContain(') Z ');
});

it('leaves a process alone that has got the pid of an ended one', async () => {
  const { descendants } = await shell('sleep 1000 & wait', 1);
  const [pid] = descendants.pids;
  readFileSync.mockImplementation((file, encoding) => {
    const content = actualRead(file, encoding);
    if (file !== `/proc/${pid}/stat`) return content;
    const fields = String(content).split(' ');
    fields[21] += '1'; // the start time of the process
    return fields.join(' ');
  });
  expect(await descendants.terminate(0)).toBe(false);
  expect(isAlive(pid!)).toBe(true);
});

describe('without a list of the processes', () => {
  const noDescriptor = (): never => {
    throw Object.assign(new Error('EMFILE: too many open files'), { code: 'EMFILE' });
  };

  it.each([
    ['no descriptor is left', () => readdirSync.mockImplementation(noDescriptor)],
    ['no descriptor is left for the files in /proc', () => readFileSync.mockImplementation(noDescriptor)],
    ['/proc is empty', () => readdirSync.mockImplementation(() => [])],
  ])('nothing is found when %s, and nobody is signalled', async (_, prepare) => {
    const { pid, descendants } = await shell('sleep 1000 & wait', 1);
    prepare();
    expect(Descendants.of(pid).pids).toEqual([]);
    const kill = jest.spyOn(process, 'kill');
    const terminated = descendants.terminate(50);
    readdirSync.mockImplementation(actualList);
    readFileSync.mockImplementation(actualRead);
    const signals = kill.mock.calls.filter(([, signal]) => signal !== 0);
    kill.mockRestore();
    expect(signals).toEqual([]);
    await terminated; // with the list back again the processes are ended
    expect(descendants.pids).toEqual([]);
  });

  it('those that have ended meanwhile are not waited for', async () => {
    const { descendants } = await shell('sleep 1000 & wait', 1);
    const [pid] = descendants.pids;
    process.kill(pid!, 'SIGKILL');
    await eventually('its end', () => statOf(pid!) === '');
    readdirSync.mockImplementation(noDescriptor);
    expect(await descendants.terminate(60_000)).toBe(false);
  });
});
