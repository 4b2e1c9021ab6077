// Sums of counts that processes tell of themselves. The counts of a process begin anew with the process, and go with it; a sum only
// grows: what a process has added stays in the sum when the process is gone.

/** Series of one metric, if nothing else is said. Methods and error codes come from the user's classes, and a time series database pays for each combination. */
const MAX_SERIES = 1_000;
/** Origins whose last counts are remembered: more than a host has processes and channels at a time. */
const MAX_ORIGINS = 20_000;

export type Labels = Readonly<Record<string, string>>;

export interface Total {
  readonly labels: Labels;
  value: number;
}

export class RunningTotals {
  readonly #totals = new Map<string, Total>();
  /** The last count of each origin and series. */
  readonly #last = new Map<string, number>();
  readonly #maxSeries: number;

  constructor(maxSeries = MAX_SERIES) {
    this.#maxSeries = maxSeries;
  }

  get all(): readonly Total[] {
    return [...this.#totals.values()];
  }

  /**
   * @param origin who counts, e.g. a client of a process: another one of the same labels has another name
   * @param count what the origin has counted so far; less than before: the origin has begun anew
   */
  add(origin: string, labels: Labels, count: number): void {
    const key = JSON.stringify(labels);
    const place = `${origin} ${key}`;
    const last = this.#last.get(place) ?? 0;
    // The newest at the end: what nobody has told of for the longest time is forgotten first.
    this.#last.delete(place);
    this.#last.set(place, count);
    if (this.#last.size > MAX_ORIGINS) this.#last.delete(this.#last.keys().next().value!);
    this.#totalOf(key, labels).value += count >= last ? count - last : count;
  }

  #totalOf(key: string, labels: Labels): Total {
    const known = this.#totals.get(key);
    if (known) return known;
    if (this.#totals.size >= this.#maxSeries) return this.#totals.get(OTHER) ?? this.#new(OTHER, othersOf(labels));
    return this.#new(key, labels);
  }

  #new(key: string, labels: Labels): Total {
    const total = { labels, value: 0 };
    this.#totals.set(key, total);
    return total;
  }
}

/** Where everything is counted that has no series of its own. */
const OTHER = 'other';

function othersOf(labels: Labels): Labels {
  return Object.fromEntries(Object.keys(labels).map((name) => [name, OTHER]));
}
