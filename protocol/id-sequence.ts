// The ids of a side of a connection: 1, 2, 3 … and from the largest back to 1, without ids that still wait.

import { MAX_ID } from './message';

export class IdSequence {
  #last: number;

  /** @param last the id before the first id */
  constructor(last = 0) {
    this.#last = last;
  }

  /** @param isTaken whether a request with this id still waits for the answer */
  next(isTaken?: (id: number) => boolean): number {
    do this.#last = this.#last >= MAX_ID ? 1 : this.#last + 1;
    while (isTaken?.(this.#last));
    return this.#last;
  }
}
