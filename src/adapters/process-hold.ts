// What keeps the process alive for an upstream client, alone and as a single switch: idle connections of node:http, watches of folders,
// sockets that are unref'd and background timers let a process end. In single mode nothing else keeps the process of a shared client alive (docs/api.md, ref and unref).

import { clearInterval, setInterval } from 'node:timers';
import { LONGEST_TIMER_MS } from '../time';

export class ProcessHold {
  #handle: NodeJS.Timeout | undefined;
  #isOver = false;

  /** Holds from the beginning. */
  constructor() {
    this.ref();
  }

  ref(): void {
    if (!this.#isOver) this.#handle ??= setInterval(() => undefined, LONGEST_TIMER_MS);
  }

  unref(): void {
    clearInterval(this.#handle);
    this.#handle = undefined;
  }

  /** Lets the process end, for good. */
  close(): void {
    this.#isOver = true;
    this.unref();
  }
}
