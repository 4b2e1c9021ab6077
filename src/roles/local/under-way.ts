// Items that are under way, each of which can be removed by number. A Set that is filled and emptied all the time costs dearly
// after a full garbage collection (see pending-calls.ts).

export class UnderWay<T> {
  readonly #items: (T | undefined)[] = [];
  readonly #free: number[] = [];
  #onIdle: (() => void) | undefined;

  get isIdle(): boolean {
    return this.#free.length === this.#items.length;
  }

  /** Resolves when nothing is under way. */
  get idle(): Promise<void> {
    if (this.isIdle) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onIdle = resolve;
    });
  }

  /** @returns the number to pass to `end` */
  begin(item: T): number {
    const number = this.#free.pop() ?? this.#items.length;
    this.#items[number] = item;
    return number;
  }

  /** @returns false when this item is under way no longer */
  end(number: number, item: T): boolean {
    if (this.#items[number] !== item) return false;
    this.#items[number] = undefined;
    this.#free.push(number);
    if (this.#onIdle && this.isIdle) this.#onIdle();
    return true;
  }

  /** Ends all. */
  endAll(): T[] {
    this.#free.length = 0;
    this.#onIdle?.();
    return this.#items.splice(0).filter((item) => item !== undefined);
  }
}
