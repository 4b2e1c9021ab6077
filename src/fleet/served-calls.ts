// Calls of all hosts, in the host that leads: claimed in the engine, run once each, answered together. What cannot be claimed is not
// run, and what is refused as an answer is not tried again: the host of the caller tells the caller.

import type { Clock } from '../time';
import type { CallId, EngineCall, EngineLimits, EngineReply, EngineSession, Fence } from './engine';

export interface ServedSetup {
  readonly session: () => Pick<EngineSession, 'take' | 'reply'>;
  readonly limits: EngineLimits;
  readonly clock: Clock;
  /** The fence of the own leadership; undefined when this host does not lead, or no longer by its own clock. */
  readonly fence: () => Fence | undefined;
  /** Runs a call. Never rejects. @returns the answer */
  readonly run: (call: EngineCall) => Promise<Buffer>;
  readonly onDeposed: (fence: Fence) => void;
}

/** Pause before an unanswered claim or answer is sent again, ms. */
const RETRY_MS = 50;

export class ServedCalls {
  readonly #setup: ServedSetup;
  readonly #offered = new Map<string, CallId>();
  /** Calls that were begun in this term, until the answers have arrived: a claim that is sent again gives such calls once more. */
  readonly #begun = new Set<string>();
  #answers: EngineReply[] = [];
  #isTaking = false;
  #isReplying = false;
  /** Whether calls are claimed at all. */
  #isOpen = false;
  #idle: (() => void)[] = [];

  constructor(setup: ServedSetup) {
    this.#setup = setup;
  }

  /** From now on calls are claimed. */
  open(): void {
    this.#isOpen = true;
    void this.#take();
  }

  offer(calls: readonly CallId[]): void {
    for (const call of calls) if (!this.#begun.has(idOf(call))) this.#offered.set(idOf(call), call);
    void this.#take();
  }

  /** No call is claimed from now on. Resolves when all claimed calls are answered, or cannot be answered. */
  drain(): Promise<void> {
    this.#isOpen = false;
    if (this.#isIdle) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  /** The term is over: nothing is claimed or answered. */
  end(): void {
    this.#isOpen = false;
    this.#offered.clear();
    this.#begun.clear();
    this.#answers = [];
    this.#tellIdle();
  }

  get #isIdle(): boolean {
    return this.#begun.size === 0 && !this.#isTaking;
  }

  async #take(): Promise<void> {
    const { session, limits, fence: fenceNow, clock, onDeposed } = this.#setup;
    const fence = fenceNow();
    if (this.#isTaking || !this.#isOpen || this.#offered.size === 0 || fence === undefined) return;
    this.#isTaking = true;
    const ids = [...this.#offered.values()].slice(0, limits.batchSize);
    try {
      const taken = await session().take(fence, ids);
      this.#isTaking = false;
      if (taken.deposed) {
        onDeposed(fence);
        clock.setTimeout(() => void this.#take(), RETRY_MS).unref();
        this.#tellIdle();
        return;
      }
      for (const id of ids) this.#offered.delete(idOf(id));
      // Claimed under a fence that leads no longer by the own clock: not begun, and the caller is told.
      if (fenceNow() === fence) for (const call of taken.calls) this.#begin(fence, call);
    } catch {
      this.#isTaking = false;
      clock.setTimeout(() => void this.#take(), RETRY_MS).unref();
      this.#tellIdle();
      return;
    }
    this.#tellIdle();
    void this.#take();
  }

  #begin(fence: Fence, call: EngineCall): void {
    const id = idOf(call);
    if (this.#begun.has(id)) return;
    this.#begun.add(id);
    const { member, number } = call;
    void this.#setup.run(call).then((bytes) => {
      if (!this.#begun.has(id)) return;
      if (this.#setup.fence() === fence) this.#answers.push({ member, number, bytes });
      else this.#begun.delete(id); // the engine would refuse the answer
      this.#tellIdle();
      void this.#reply();
    });
  }

  async #reply(): Promise<void> {
    const { session, fence: fenceNow, limits, clock, onDeposed } = this.#setup;
    const fence = fenceNow();
    if (this.#isReplying || this.#answers.length === 0 || fence === undefined) return;
    this.#isReplying = true;
    const batch = this.#nextAnswers(limits);
    try {
      const { deposed } = await session().reply(fence, batch);
      this.#isReplying = false;
      if (deposed) {
        onDeposed(fence);
        clock.setTimeout(() => void this.#reply(), RETRY_MS).unref();
      } else {
        this.#answers = this.#answers.filter((answer) => !batch.includes(answer));
        for (const reply of batch) this.#begun.delete(idOf(reply));
        this.#tellIdle();
        void this.#reply();
      }
    } catch {
      this.#isReplying = false;
      clock.setTimeout(() => void this.#reply(), RETRY_MS).unref();
    }
  }

  #nextAnswers({ batchSize, batchBytes }: EngineLimits): EngineReply[] {
    let size = 0;
    const end = this.#answers.findIndex(({ bytes }, at) => at > 0 && (at >= batchSize || (size += bytes.length) > batchBytes));
    return this.#answers.slice(0, end < 0 ? undefined : end);
  }

  #tellIdle(): void {
    if (this.#isIdle) for (const resolve of this.#idle.splice(0)) resolve();
  }
}

function idOf({ member, number }: CallId): string {
  return `${member} ${number}`;
}
