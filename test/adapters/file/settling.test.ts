// When a file may be read, look by look, on a clock of the test.

import { Settling } from '../../../src/adapters/file/settling';
import { ManualClock } from '../../../src/testing/manual-clock';

let clock: ManualClock;
let settling: Settling;

beforeEach(() => {
  clock = new ManualClock();
  settling = new Settling(clock);
});

/** A look after some time. @returns after how many ms the file may be read */
function seen(
  afterMs: number,
  signature: string,
  bytes = 10,
  { isOld = false, isSelfChecking = false } = {},
): number | undefined {
  clock.advance(afterMs);
  return settling.seen({ key: 'k', signature, bytes }, isOld, isSelfChecking);
}

function read(signature: string, bytes = 10): void {
  settling.read({ key: 'k', signature, bytes });
}

it('a changed file is read when it has stayed the same for 50 ms, and then not again', () => {
  expect(seen(0, 'a')).toBe(50);
  expect(seen(20, 'b')).toBe(50);
  expect(seen(49, 'b')).toBe(1);
  expect(seen(1, 'b')).toBe(0);
  read('b');
  expect(seen(5_000, 'b')).toBeUndefined();
  expect(seen(0, 'c')).toBe(50);
});

it('a file that has not changed for long is read at the first look', () => {
  expect(seen(0, 'a', 10, { isOld: true })).toBe(0);
});

it('a file without a format that is being written is not read, however long that takes', () => {
  for (let size = 1; size < 500; size++) expect(seen(20, `size ${size}`, size)).toBe(50);
  expect(seen(50, 'size 499', 499)).toBe(0);
});

it('a file whose half would not parse is read after 2 s, though it changes all the time', () => {
  expect(seen(0, 'a', 10, { isSelfChecking: true })).toBe(50);
  expect(seen(1_990, 'b', 10, { isSelfChecking: true })).toBe(10);
  expect(seen(10, 'c', 10, { isSelfChecking: true })).toBe(0);
  read('c');
  expect(seen(10, 'd', 10, { isSelfChecking: true })).toBe(50);
});

it('an empty file that had a content is believed after a second', () => {
  expect(seen(0, 'full', 10, { isOld: true })).toBe(0);
  read('full');
  expect(seen(10, 'truncated', 0)).toBe(1_000);
  expect(seen(900, 'truncated', 0)).toBe(100);
  expect(seen(10, 'written', 12)).toBe(50);
  expect(seen(10, 'truncated again', 0)).toBe(1_000);
  expect(seen(1_000, 'truncated again', 0)).toBe(0);
  read('truncated again', 0);
  expect(seen(10, 'touched', 0)).toBe(50);
});

it('a missing file is gone after 200 ms, and not when it is there again before', () => {
  seen(0, 'a', 10, { isOld: true });
  read('a');
  expect(settling.missing('k')).toBe(200);
  clock.advance(199);
  expect(settling.missing('k')).toBe(1);
  expect(seen(0, 'b')).toBe(50);
  expect(seen(50, 'b')).toBe(0);
  read('b');
  expect(settling.missing('k')).toBe(200);
  clock.advance(200);
  expect(settling.missing('k')).toBe(0);
  expect([...settling.keys]).toEqual([]);
});

it('a file that comes back as it was needs no reading', () => {
  seen(0, 'a', 10, { isOld: true });
  read('a');
  settling.missing('k');
  expect(seen(100, 'a')).toBeUndefined();
});
