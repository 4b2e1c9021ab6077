import { asListeningSocket, Bequest, type Legacy } from '../../../src/supervisor/master/bequest';
import { ManualClock } from '../../../src/testing/manual-clock';

let clock: ManualClock;
let asked: number;
let closed: string[];
let bequest: Bequest;

beforeEach(() => {
  [clock, asked, closed] = [new ManualClock(), 0, []];
  bequest = new Bequest(() => asked++, clock);
});

const socket = (name: string): Legacy['socket'] => ({ close: () => closed.push(name) });

const keys = (legacies: Legacy[]): string[] => legacies.map(({ key }) => key);

test('the sockets that a child passes on are collected until it says that there are no more', async () => {
  const collected = bequest.collect();
  bequest.onSocket('a', socket('a'));
  bequest.onSocket('b', socket('b'));
  bequest.onAll();
  expect(keys(await collected)).toEqual(['a', 'b']);
  expect([asked, closed, clock.pending]).toEqual([1, [], 0]);
});

test('a child that does not answer is not waited for, and what it sends too late is closed', async () => {
  const collected = bequest.collect();
  bequest.onSocket('a', socket('a'));
  clock.advance(1_000);
  expect(keys(await collected)).toEqual(['a']);
  bequest.onSocket('b', socket('b'));
  expect(closed).toEqual(['b']);
});

test('a second successor gets what comes after it has asked', async () => {
  const [first, second] = [bequest.collect(), bequest.collect()];
  bequest.onSocket('a', socket('a'));
  bequest.onAll();
  expect([keys(await first), keys(await second)]).toEqual([[], ['a']]);
});

test.each([undefined, null, 'text', {}])('%j is no socket', (received) => {
  expect(asListeningSocket(received)).toBeUndefined();
});
