// The watches of an adapter, and the newest known state of each. An adapter feeds what its store says, in whatever order that arrives;
// listeners get states that never go back, once for each change.

import { formatKey } from '../format-key';
import type { Clock, Timer } from '../time';
import { isKeyWatch, type StoredEntry, type Watched, type WatchedState } from './registry';

/**
 * A prefix is pushed at most this often, ms. A push carries all entries, so that a thousand quick changes of a thousand keys would be a
 * million entries.
 */
const PREFIX_GAP_MS = 20;
/**
 * Each entry adds this to the gap, ms. A process takes about 4 µs of CPU for each entry of a push (850 B, Node.js 20): 10,000 entries
 * every 20 ms would be two cores of every process of the host, and are a tenth of one with a gap of 520 ms.
 */
const GAP_PER_ENTRY_MS = 0.05;

/** How many keys that are gone are remembered, so that an older word does not bring them back. */
const MAX_GONE = 1_000;

export type StateListener = (state: WatchedState) => void;

/** What the store says of a key: the entry, or that the key does not exist; `order` grows with each change in the store. */
export interface Change {
  readonly key: string;
  readonly entry: StoredEntry | undefined;
  readonly order: number;
}

export class WatchTable {
  readonly #clock: Clock;
  readonly #watches = new Map<string, WatchedKeys>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @returns the watch; a watch that exists gets the listener, and tells the listener its state if the state is known */
  add(what: Watched, listener: StateListener): WatchedKeys {
    const id = formatKey(what);
    const known = this.#watches.get(id);
    if (known) {
      known.listenWith(listener);
      return known;
    }
    const watch = new WatchedKeys(what, listener, this.#clock);
    this.#watches.set(id, watch);
    return watch;
  }

  get(what: Watched): WatchedKeys | undefined {
    return this.#watches.get(formatKey(what));
  }

  /** @returns the watch that has ended, if there was one */
  remove(what: Watched): WatchedKeys | undefined {
    const id = formatKey(what);
    const watch = this.#watches.get(id);
    watch?.end();
    this.#watches.delete(id);
    return watch;
  }

  /** All watches, in the order of their beginning. */
  [Symbol.iterator](): IterableIterator<WatchedKeys> {
    return this.#watches.values();
  }

  get size(): number {
    return this.#watches.size;
  }

  /** Tells every watch that covers the key. */
  change(change: Change): void {
    for (const watch of this.#watches.values()) if (watch.covers(change.key)) watch.change(change);
  }

  /** See `WatchedKeys.beginAnew`. */
  beginAnew(): void {
    for (const watch of this.#watches.values()) watch.beginAnew();
  }

  close(): void {
    for (const watch of this.#watches.values()) watch.end();
    this.#watches.clear();
  }
}

/** A watched key or prefix, with its newest known state. */
export class WatchedKeys {
  readonly what: Watched;
  readonly #clock: Clock;
  #listener: StateListener;
  readonly #entries = new Map<string, StoredEntry>();
  /** The order of the newest word on each key, also for keys that are gone. */
  readonly #orders = new Map<string, number>();
  /** The order of the last whole state; undefined before the first one, when nothing is pushed. */
  #wholeOrder: number | undefined;
  #isChanged = false;
  #isOver = false;
  #pause: Timer | undefined;

  constructor(what: Watched, listener: StateListener, clock: Clock) {
    this.what = what;
    this.#listener = listener;
    this.#clock = clock;
  }

  covers(key: string): boolean {
    return isKeyWatch(this.what) ? this.what.key === key : key.startsWith(this.what.prefix);
  }

  /** Whether the whole state has been known at any time. */
  get isKnown(): boolean {
    return this.#wholeOrder !== undefined;
  }

  /** The entry of a key, as far as known. */
  entryOf(key: string): StoredEntry | undefined {
    return this.#entries.get(key);
  }

  listenWith(listener: StateListener): void {
    this.#listener = listener;
    if (this.isKnown) this.#listener(this.#state());
  }

  /**
   * The store gave the whole state: keys that are missing in it do not exist. A change that is newer than the state stays.
   * @param order how new the state is @param orderOf how new each entry is, for a store that cannot give all entries at one moment
   */
  whole(entries: readonly StoredEntry[], order: number, orderOf: (entry: StoredEntry) => number = () => order): void {
    const isFirst = this.#wholeOrder === undefined;
    const isNewer = isFirst || order >= this.#wholeOrder!;
    const present = new Set<string>();
    for (const entry of entries) {
      present.add(entry.key);
      // A key that no word is known of was missing in the last whole state: only a newer state may bring the key.
      if (isNewer || this.#orders.has(entry.key)) this.#apply({ key: entry.key, entry, order: orderOf(entry) });
    }
    for (const key of [...this.#entries.keys()]) if (!present.has(key)) this.#apply({ key, entry: undefined, order });
    if (isNewer) this.#settle(order);
    if (isFirst) this.#isChanged = true;
    this.#push();
  }

  /** One key has changed. A word that is older than the newest known one is dropped. */
  change(change: Change): void {
    const isNews = this.#orders.has(change.key) || this.#wholeOrder === undefined || change.order > this.#wholeOrder;
    if (!isNews) return;
    this.#apply(change);
    if (!change.entry) this.#boundGone();
    this.#push();
  }

  /**
   * The store may have lost what it said, e.g. after the promotion of a replica or a restart without data: what comes next counts as newer than
   * all that is known. States stay until then.
   */
  beginAnew(): void {
    this.#orders.clear();
    for (const key of this.#entries.keys()) this.#orders.set(key, 0);
    if (this.isKnown) this.#wholeOrder = 0;
  }

  end(): void {
    this.#isOver = true;
    this.#clock.clearTimeout(this.#pause);
  }

  #apply({ key, entry, order }: Change): void {
    if (order < (this.#orders.get(key) ?? 0)) return;
    const before = this.#entries.get(key);
    // Set anew, so that the keys stand in the order of their last change.
    this.#orders.delete(key);
    this.#orders.set(key, order);
    if (entry) this.#entries.set(key, entry);
    else this.#entries.delete(key);
    if (!isSame(before, entry)) this.#isChanged = true;
  }

  /** Keys that were gone at the whole state need no order of their own any more. */
  #settle(order: number): void {
    this.#wholeOrder = order;
    for (const [key, known] of this.#orders) if (known <= order && !this.#entries.has(key)) this.#orders.delete(key);
  }

  /** A store with keys that come and go must not fill the memory of this process: the keys that went first are forgotten. */
  #boundGone(): void {
    let excess = this.#orders.size - this.#entries.size - MAX_GONE;
    if (excess <= 0) return;
    excess += MAX_GONE / 2;
    for (const key of this.#orders.keys()) {
      if (this.#entries.has(key)) continue;
      this.#orders.delete(key);
      if (--excess <= 0) return;
    }
  }

  #push(): void {
    if (this.#isOver || !this.isKnown || !this.#isChanged || this.#pause) return;
    this.#isChanged = false;
    if (!isKeyWatch(this.what)) {
      const gapMs = Math.floor(PREFIX_GAP_MS + GAP_PER_ENTRY_MS * this.#entries.size);
      this.#pause = this.#clock.setTimeout(() => {
        this.#pause = undefined;
        this.#push();
      }, gapMs);
      this.#pause.unref();
    }
    this.#listener(this.#state());
  }

  #state(): WatchedState {
    if (isKeyWatch(this.what)) return this.#entries.get(this.what.key) ?? null;
    return [...this.#entries.values()].sort((a, b) => (a.key < b.key ? -1 : 1));
  }
}

function isSame(a: StoredEntry | undefined, b: StoredEntry | undefined): boolean {
  if (!a || !b) return a === b;
  return a.version === b.version && Buffer.compare(a.bytes, b.bytes) === 0;
}
