// What listeners hear, whatever the order in which a store's words arrive.

import type { StoredEntry, WatchedState } from '../../src/adapters/registry';
import { WatchTable } from '../../src/adapters/watch-table';
import { ManualClock } from '../../src/testing/manual-clock';

const entry = (key: string, version: number): StoredEntry => ({ key, version, bytes: Buffer.from(`${key}@${version}`) });

let clock: ManualClock;
let table: WatchTable;
let heard: WatchedState[];
const hear = (state: WatchedState): void => void heard.push(state);

beforeEach(() => {
  clock = new ManualClock();
  table = new WatchTable(clock);
  heard = [];
});

describe('a key', () => {
  const watch = () => table.add({ key: 'k' }, hear);

  it('says nothing before its whole state is known, and a change that came before stays', () => {
    const watched = watch();
    watched.change({ key: 'k', entry: entry('k', 5), order: 5 });
    expect(heard).toEqual([]);
    watched.whole([entry('k', 3)], 3);
    expect(heard).toEqual([entry('k', 5)]);
  });

  it('is not brought back by a state that is older than its deletion', () => {
    const watched = watch();
    watched.change({ key: 'k', entry: undefined, order: 5 });
    watched.whole([entry('k', 3)], 3);
    expect(heard).toEqual([null]);
  });

  it('never goes back, and says nothing twice', () => {
    const watched = watch();
    watched.whole([entry('k', 2)], 2);
    watched.change({ key: 'k', entry: entry('k', 1), order: 1 });
    watched.change({ key: 'k', entry: entry('k', 2), order: 2 });
    watched.whole([entry('k', 1)], 1);
    watched.whole([], 1);
    expect(heard).toEqual([entry('k', 2)]);
    watched.whole([], 3);
    expect(heard).toEqual([entry('k', 2), null]);
  });

  it('tells a new listener its state', () => {
    watch().whole([], 1);
    const again: WatchedState[] = [];
    table.add({ key: 'k' }, (state) => void again.push(state));
    expect(again).toEqual([null]);
    table.change({ key: 'k', entry: entry('k', 2), order: 2 });
    expect([heard, again]).toEqual([[null], [null, entry('k', 2)]]);
  });

  it('says nothing after its end', () => {
    const watched = watch();
    table.remove({ key: 'k' });
    watched.whole([entry('k', 1)], 1);
    expect(heard).toEqual([]);
  });
});

describe('a prefix', () => {
  it('gives changes within 20 ms in one state, sorted by key', () => {
    const watched = table.add({ prefix: 'p/' }, hear);
    watched.whole([entry('p/b', 1)], 1);
    for (let n = 2; n < 10; n++) table.change({ key: 'p/a', entry: entry('p/a', n), order: n });
    table.change({ key: 'q', entry: entry('q', 10), order: 10 });
    expect(heard).toEqual([[entry('p/b', 1)]]);
    clock.advance(20);
    expect(heard[1]).toEqual([entry('p/a', 9), entry('p/b', 1)]);
    clock.advance(1_000);
    expect(heard).toHaveLength(2);
  });

  it('is pushed the less often the more entries it has', () => {
    const watched = table.add({ prefix: 'p/' }, hear);
    const many = Array.from({ length: 1_000 }, (_, n) => entry(`p/${n}`, 1));
    watched.whole(many, 1);
    table.change({ key: 'p/1', entry: entry('p/1', 2), order: 2 });
    clock.advance(69);
    expect(heard).toHaveLength(1);
    clock.advance(1);
    expect(heard).toHaveLength(2);
  });

  it('takes a key that an earlier whole state could not show, though the entry is older than that state', () => {
    const watched = table.add({ prefix: 'p/' }, hear);
    watched.whole([entry('p/a', 30)], 30, ({ version }) => version);
    watched.whole([entry('p/a', 30), entry('p/b', 29)], 31, ({ version }) => version);
    clock.advance(20);
    expect(heard.at(-1)).toEqual([entry('p/a', 30), entry('p/b', 29)]);
  });

  it('forgets keys that come and go, the first ones first', () => {
    const watched = table.add({ prefix: 'p/' }, hear);
    watched.whole([], 0);
    for (let n = 1; n <= 3_000; n++) {
      watched.change({ key: `p/${n}`, entry: entry(`p/${n}`, n), order: 2 * n });
      watched.change({ key: `p/${n}`, entry: undefined, order: 2 * n + 1 });
    }
    // An older word on a key that went lately is still known to be older.
    watched.change({ key: 'p/3000', entry: entry('p/3000', 1), order: 3_000 });
    clock.advance(20);
    expect(heard.at(-1)).toEqual([]);
  });
});
