// The ids of one side of a connection: 1, 2, 3 … and from the largest back to 1, past those that still wait.

import { MAX_ID } from './message';

export class IdSequence {
  #last: number;

  /** @param last the id before the first one */
  constructor(last = 0) {
    this.#last = last;
  }

  /** @param isTaken whether a request with this id still waits for its answer */
  next(isTaken?: (id: number) => boolean): number {
    do this.#last = this.#last >= MAX_ID ? 1 : this.#last + 1;
    while (isTaken?.(this.#last));
    return this.#last;
  }
}
