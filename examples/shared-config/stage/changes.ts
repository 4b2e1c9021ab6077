// Waiting for conditions. Code that changes the state of the demo calls `notify()`; then the table is drawn and the conditions
// that the story waits for are checked again. Nothing here polls or sleeps.

import { EventEmitter, once } from 'node:events';
import { Failure } from './failure';

export class Changes {
  readonly #emitter = new EventEmitter();
  readonly #interrupt: AbortSignal;
  readonly #deadline: NodeJS.Timeout;
  #problem: string | undefined;
  #isRelaxed = false;

  /** @param limitMs for everything that is waited for together */
  constructor(interrupt: AbortSignal, limitMs: number) {
    this.#interrupt = interrupt;
    this.#deadline = setTimeout(() => this.fail(`the demo is not done after ${limitMs / 1000} s`), limitMs);
    interrupt.addEventListener('abort', () => this.notify());
  }

  onChange(listener: () => void): void {
    this.#emitter.on('change', listener);
  }

  notify(): void {
    this.#emitter.emit('change');
  }

  /** Something went wrong that no waiting can mend. */
  fail(problem: string): void {
    if (this.#isRelaxed) return;
    this.#problem ??= problem;
    this.notify();
  }

  /**
   * @param what completes the sentence "… while waiting for"
   * @param limitMs for this condition alone
   * @throws Failure after `fail()` or the limit, and the reason of the interrupt
   */
  async until(what: string, holds: () => boolean, limitMs?: number): Promise<void> {
    let isLate = false;
    const expire = (): void => {
      isLate = true;
      this.notify();
    };
    const limit = limitMs === undefined ? undefined : setTimeout(expire, limitMs);
    try {
      for (;;) {
        this.#interrupt.throwIfAborted();
        if (holds()) return;
        if (this.#problem !== undefined) throw new Failure(`${this.#problem}, while waiting for ${what}`);
        if (isLate) throw new Failure(`expected ${what}, but it is not so after ${limitMs} ms`);
        await once(this.#emitter, 'change');
      }
    } finally {
      clearTimeout(limit);
    }
  }

  /** Lets time pass, in which somebody reads. @throws as `until` */
  async pause(ms: number): Promise<void> {
    let isOver = false;
    const timer = setTimeout(() => {
      isOver = true;
      this.notify();
    }, ms);
    try {
      await this.until('the next step', () => isOver);
    } finally {
      clearTimeout(timer);
    }
  }

  /** From now on there is no deadline, and processes may die freely. */
  relax(): void {
    this.#isRelaxed = true;
    clearTimeout(this.#deadline);
  }
}
