// What this host wants of the fleet, kept stated in the engine: wishes for the leader, and the keys whose values are watched. Changes of
// a moment go together; after a failure everything is stated again.

import { soon, type Clock } from '../time';
import type { EngineSession, Wish, WishKind } from './engine';

export interface StatedSetup {
  readonly session: () => Pick<EngineSession, 'want' | 'unwant' | 'watch' | 'unwatch'>;
  readonly clock: Clock;
  /** Keys that are watched besides the subscriptions. */
  readonly alwaysWatched: readonly string[];
  /** The key of the engine for the values of a subscription. */
  readonly valueKey: (key: string) => string;
}

/** Pause before wishes that could not be stated are stated again, ms. */
const RETRY_MS = 200;

export class StatedWishes {
  readonly #setup: StatedSetup;
  readonly #wishes = new Map<string, Wish>();
  #added = new Map<string, Wish>();
  #removed = new Map<string, Pick<Wish, 'kind' | 'key'>>();
  #isUp = false;
  /** Whether everything must be stated, not only what has changed. */
  #isWhole = true;
  #isStating = false;
  #isDue = false;

  constructor(setup: StatedSetup) {
    this.#setup = setup;
  }

  get all(): Iterable<Wish> {
    return this.#wishes.values();
  }

  add(wish: Wish): void {
    const id = idOf(wish);
    this.#wishes.set(id, wish);
    this.#added.set(id, wish);
    this.#removed.delete(id);
    this.#stateSoon();
  }

  remove(kind: WishKind, key: string): void {
    const id = idOf({ kind, key });
    if (!this.#wishes.delete(id)) return;
    this.#added.delete(id);
    this.#removed.set(id, { kind, key });
    this.#stateSoon();
  }

  /** The session works, and may have forgotten everything. */
  up(): void {
    this.#isUp = true;
    this.#isWhole = true;
    this.#stateSoon();
  }

  down(): void {
    this.#isUp = false;
  }

  #stateSoon(): void {
    if (this.#isDue || !this.#isUp) return;
    this.#isDue = true;
    soon(() => {
      this.#isDue = false;
      void this.#state();
    });
  }

  async #state(): Promise<void> {
    if (this.#isStating || !this.#isUp) return;
    this.#isStating = true;
    const isWhole = this.#isWhole;
    this.#isWhole = false;
    const added = isWhole ? [...this.#wishes.values()] : [...this.#added.values()];
    const removed = [...this.#removed.values()];
    this.#added = new Map();
    this.#removed = new Map();
    try {
      await this.#tell(added, removed, isWhole);
    } catch {
      this.#isWhole = true;
      this.#setup.clock.setTimeout(() => this.#stateSoon(), RETRY_MS).unref();
    }
    this.#isStating = false;
    if (this.#added.size > 0 || this.#removed.size > 0 || (this.#isWhole && isWhole === false)) this.#stateSoon();
  }

  async #tell(added: readonly Wish[], removed: readonly Pick<Wish, 'kind' | 'key'>[], isWhole: boolean): Promise<void> {
    const { session, alwaysWatched, valueKey } = this.#setup;
    const keysOf = (wishes: readonly Pick<Wish, 'kind' | 'key'>[]): string[] =>
      wishes.flatMap(({ kind, key }) => (kind === 'subscription' ? valueKey(key) : []));
    const gone = keysOf(removed);
    if (gone.length > 0) session().unwatch(gone);
    // Watch before the leader hears of the wish, or the first value comes while nobody watches.
    const watched = [...(isWhole ? alwaysWatched : []), ...keysOf(added)];
    if (watched.length > 0) await session().watch(watched);
    if (isWhole || added.length > 0) await session().want(added, isWhole);
    if (removed.length > 0 && !isWhole) await session().unwant(removed);
  }
}

function idOf({ kind, key }: Pick<Wish, 'kind' | 'key'>): string {
  return `${kind} ${key}`;
}
