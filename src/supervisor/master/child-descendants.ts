// What one child has started, as far as looks at the living child have found it: after the exit nothing can be found any more.

import { Descendants } from './descendants';

/** How many reports of a child lie between two looks. */
const LOOK_EVERY = 10;
/** How long descendants of a child may take to end after the child, ms. */
const END_MS = 500;

export class ChildDescendants {
  readonly #livingPid: () => number | undefined;
  #found: Descendants | undefined;
  #reports = 0;

  /** @param livingPid the child's; undefined for a thread, and when the child has exited */
  constructor(livingPid: () => number | undefined) {
    this.#livingPid = livingPid;
  }

  look(): void {
    const pid = this.#livingPid();
    if (pid === undefined) return;
    const found = Descendants.of(pid);
    if (this.#found) this.#found.add(found);
    else this.#found = found;
  }

  /** The child has reported. Something else may kill the child at any time, so a look follows now and then. */
  onReport(): void {
    if (++this.#reports % LOOK_EVERY === 0) this.look();
  }

  /** @returns whether force was needed */
  async terminate(): Promise<boolean> {
    return (await this.#found?.terminate(END_MS)) ?? false;
  }
}
