// Processes whose loop is blocked, or only seems to be: the evidence that the watchdog keeps.

import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { Child } from '../support/child';
import { eventually } from '../support/eventually';

const BLOCKED_MS = 600;
/** CPU time of a loop that comes back in time, ms, also where twenty processes share a core. */
const SHORT_MS = 30;

let folder: string;
let child: Child;
const stackFile = () => join(folder, 'kept/watched.stack.txt');
const profileFile = () => join(folder, 'kept/watched.cpuprofile');

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'trunkline-watchdog-'));
  child = new Child('watched', { PROFILE_FILE: profileFile(), BLOCKED_MS });
  await child.message('the start', ({ type }) => type === 'up');
});

afterEach(async () => {
  await child.stop();
  rmSync(folder, { recursive: true });
});

const block = (way: string) => child.ask({ type: 'block', way });
const spin = (ms: number) => child.ask({ type: 'spin', ms });
const content = (file: string) => eventually(file, () => (existsSync(file) ? readFileSync(file, 'utf8') : ''));

interface Profile {
  readonly nodes: readonly { readonly callFrame: { readonly functionName: string }; readonly hitCount: number }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** The function in which most of the time went by. */
function busiest({ nodes }: Profile): string {
  return [...nodes].sort((one, other) => other.hitCount - one.hitCount)[0]!.callFrame.functionName;
}

test.each([
  ['loop', 'spinsForEver'],
  ['pattern', 'matchesForEver'],
  ['waiting', 'waitsForEver'],
  ['microtasks', 'promisesForEver'],
])('stack and profile of a process that is blocked by a %s name the function', async (way, name) => {
  await block(way);
  const stack = await content(stackFile());
  expect(stack).toContain(`process ${child.pid}: the event loop has been blocked for`);
  expect(stack).toMatch(new RegExp(`^    at ${name} \\(.*watched\\.js:\\d+:\\d+\\)$`, 'm'));
  const profile = JSON.parse(await content(profileFile())) as Profile;
  // Waiting is idle time.
  if (way !== 'waiting') expect(busiest(profile)).toBe(name);
  // A sample about every millisecond for a second; a busy machine takes fewer.
  expect(profile.samples.length).toBeGreaterThan(100);
  expect(profile.timeDeltas).toHaveLength(profile.samples.length);
  expect(readdirSync(join(folder, 'kept')).sort()).toEqual(['watched.cpuprofile', 'watched.stack.txt']);
  for (const file of [stackFile(), profileFile()]) expect(statSync(file).mode & 0o777).toBe(0o600);
});

test('a stack of thousands of calls is kept whole', async () => {
  await block('depth');
  const stack = await content(stackFile());
  expect(stack.match(/ at deep /g)!.length).toBeGreaterThanOrEqual(2_000);
  expect(stack).toContain('callsForEver');
});

test('a process that is blocked in native code has neither, and the stack file says so', async () => {
  await block('native');
  expect(await content(stackFile())).toContain('Neither stack nor profile could be had');
  expect(readdirSync(join(folder, 'kept'))).toEqual(['watched.stack.txt']);
});

test('evidence is kept once per blockage, and again when the loop has run in between', async () => {
  const spinning = spin(8 * BLOCKED_MS);
  await content(profileFile());
  rmSync(join(folder, 'kept'), { recursive: true });
  await spinning;
  expect(readdirSync(folder)).toEqual([]);
  await block('loop');
  expect(await content(stackFile())).toContain('spinsForEver');
});

test('a loop that comes back in time is not blocked', async () => {
  for (let i = 0; i < 30; i++) await spin(SHORT_MS);
  expect(readdirSync(folder)).toEqual([]);
});

test('a process that does not run at all is not blocked', async () => {
  await wait(BLOCKED_MS); // for the watchdog to have begun
  const spinning = spin(SHORT_MS);
  await child.message('the spin', ({ type }) => type === 'spins');
  child.kill('SIGSTOP');
  await wait(2 * BLOCKED_MS); // that much time has to go by
  child.kill('SIGCONT');
  await spinning;
  expect(readdirSync(folder)).toEqual([]);
  await block('loop');
  expect(await content(stackFile())).toContain('spinsForEver');
});

test('a process with an open inspector is not judged', async () => {
  await child.ask({ type: 'inspect' });
  await spin(0);
  await wait(BLOCKED_MS / 2); // for the loop to have said so
  await spin(3 * BLOCKED_MS);
  expect(readdirSync(folder)).toEqual([]);
});
