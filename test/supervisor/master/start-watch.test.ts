import { StartWatch, type StartingChild } from '../../../src/supervisor/master/start-watch';
import { ManualClock } from '../../../src/testing/manual-clock';

let clock: ManualClock;
let hints: string[];
let killed: string[];
let watch: StartWatch;
let suspended: Set<number>;

beforeEach(() => {
  [clock, hints, killed, suspended] = [new ManualClock(), [], [], new Set()];
  watch = new StartWatch(60_000, (hint) => hints.push(hint), { clock, isSuspended: (pid) => suspended.has(pid) });
});

function child(given: Partial<StartingChild> = {}): StartingChild {
  return {
    pid: 7,
    processId: 7,
    isReadyWhenListening: true,
    whyNotReady: 'it sleeps',
    ready: new Promise(() => undefined),
    ended: new Promise(() => undefined),
    kill: (reason) => killed.push(reason),
    ...given,
  };
}

test('a worker that is not ready after a while gets one hint, and is killed with the same reason at the time limit', () => {
  watch.begin(child());
  clock.advance(4_999);
  expect(hints).toEqual([]);
  clock.advance(1);
  expect(hints).toEqual(['not ready yet, pid=7: it sleeps']);
  clock.advance(60_000);
  expect(hints).toHaveLength(1);
  expect(killed).toEqual(['not ready after 60000 ms (startTimeout): it sleeps']);
});

test('a server elsewhere gives the worker some more time before the hint', () => {
  watch.begin(child());
  clock.advance(3_000);
  watch.hintLater();
  clock.advance(4_999);
  expect(hints).toEqual([]);
  clock.advance(1);
  expect(hints).toHaveLength(1);
});

test.each(['ready', 'ended'] as const)('nothing is said of a child that is %s', async (how) => {
  watch.begin(child({ [how]: Promise.resolve() }));
  await new Promise(setImmediate);
  watch.hintLater();
  clock.advance(100_000);
  expect([hints, killed]).toEqual([[], []]);
});

test('an agent or a framework, which takes its time, gets no hint', () => {
  watch.begin(child({ isReadyWhenListening: false }));
  clock.advance(59_999);
  expect(hints).toEqual([]);
});

test('a child that stays suspended is killed long before the time limit', () => {
  watch.begin(child());
  suspended.add(7);
  clock.advance(1_000);
  expect(killed).toEqual([]);
  clock.advance(1_000);
  expect(killed).toEqual(['it was suspended (SIGSTOP) before it was ready']);
});

test('a child that goes on after a moment is not, nor is a thread that has the number of a suspended process', () => {
  watch.begin(child());
  new StartWatch(60_000, () => undefined, { clock, isSuspended: () => true }).begin(child({ processId: undefined }));
  for (let i = 0; i < 5; i++) {
    suspended.add(7);
    clock.advance(1_000);
    suspended.clear();
    clock.advance(1_000);
  }
  expect(killed).toEqual([]);
});
