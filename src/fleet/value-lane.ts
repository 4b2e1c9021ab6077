// The leader's values on their way into the engine: one batch at a time, sent again unchanged until the engine has answered. Only
// the newest value of a key waits. Knows all values, and can write all of them again after a cut.

import type { Clock, Timer } from '../time';
import type { EngineLimits, Epoch, Fenced, WriteBatch } from './engine';

interface LaneValue {
  readonly sequence: number;
  readonly bytes: Buffer | undefined;
}

export interface LaneSetup {
  readonly limits: EngineLimits;
  readonly clock: Clock;
  /** How long writes may fail before the leader gives up, ms. */
  readonly patienceMs: number;
  readonly write: (batch: WriteBatch) => Promise<Fenced>;
  /** The engine has the values of this batch. */
  readonly onWritten: (batch: WriteBatch) => void;
  readonly onDeposed: () => void;
  /** Writes have failed for too long although leadership goes on: the engine is full, for instance. */
  readonly onStuck: (error: unknown) => void;
}

/** Pause before a batch without an answer is sent again, ms. */
const RETRY_MS = 100;

export class ValueLane {
  readonly #setup: LaneSetup;
  readonly #values = new Map<string, LaneValue>();
  readonly #waiting = new Set<string>();
  /** The last value of each key that the engine has acknowledged. */
  readonly #written = new Map<string, LaneValue>();
  #epoch: Epoch | undefined;
  /** Grows over all terms of this process. */
  #guard = 0;
  /** Sent, and not answered yet. */
  #batch: WriteBatch | undefined;
  #isSending = false;
  #failingSince: number | undefined;
  #retry: Timer | undefined;
  #idle: (() => void)[] = [];

  constructor(setup: LaneSetup) {
    this.#setup = setup;
  }

  /** All values belong to this epoch from now on, and are written under the epoch. */
  begin(epoch: Epoch): void {
    this.#epoch = epoch;
    this.#batch = undefined;
    this.#failingSince = undefined;
    this.rewrite();
  }

  /** Nothing is written from now on, and nothing is known. */
  end(): void {
    this.#epoch = undefined;
    this.#batch = undefined;
    this.#values.clear();
    this.#waiting.clear();
    this.#written.clear();
    this.#setup.clock.clearTimeout(this.#retry);
    this.#tellIdle();
  }

  /** The newest value of a key that the engine has: every host of the fleet can get that value. */
  writtenOf(key: string): LaneValue | undefined {
    return this.#written.get(key);
  }

  /** @param bytes undefined: the key is removed */
  put(key: string, sequence: number, bytes: Buffer | undefined): void {
    this.#values.set(key, { sequence, bytes });
    this.#waiting.delete(key); // to the end
    this.#waiting.add(key);
    this.#send();
  }

  /** Writes every value again: the engine may have lost any value. */
  rewrite(): void {
    for (const key of this.#values.keys()) this.#waiting.add(key);
    this.#setup.clock.clearTimeout(this.#retry);
    this.#send();
  }

  /** Resolves when everything is written, or the lane has ended. */
  get idle(): Promise<void> {
    if (this.#isIdle) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  get #isIdle(): boolean {
    return this.#epoch === undefined || (!this.#batch && this.#waiting.size === 0);
  }

  #send(): void {
    if (this.#isSending || this.#epoch === undefined) return;
    this.#batch ??= this.#next(this.#epoch);
    if (this.#batch) void this.#write(this.#batch);
    else this.#tellIdle();
  }

  #next(epoch: Epoch): WriteBatch | undefined {
    const { batchSize, batchBytes } = this.#setup.limits;
    const values: { key: string; sequence: number; bytes: Buffer | undefined }[] = [];
    let size = 0;
    for (const key of this.#waiting) {
      const { sequence, bytes } = this.#values.get(key)!;
      size += key.length * 3 + (bytes?.length ?? 0);
      if (values.length > 0 && (values.length >= batchSize || size > batchBytes)) break;
      values.push({ key, sequence, bytes });
      this.#waiting.delete(key);
      if (!bytes) this.#values.delete(key);
    }
    return values.length === 0 ? undefined : { epoch, guard: ++this.#guard, values };
  }

  async #write(batch: WriteBatch): Promise<void> {
    const { clock, onWritten, onDeposed, onStuck, patienceMs } = this.#setup;
    this.#isSending = true;
    let outcome: Fenced | undefined;
    let failure: unknown;
    try {
      outcome = await this.#setup.write(batch);
    } catch (error) {
      failure = error;
    }
    this.#isSending = false;
    if (this.#batch !== batch) {
      this.#send(); // another term has begun meanwhile
      return;
    }
    if (outcome && !outcome.deposed) {
      this.#batch = undefined;
      this.#failingSince = undefined;
      for (const { key, sequence, bytes } of batch.values) {
        if (bytes) this.#written.set(key, { sequence, bytes });
        else this.#written.delete(key);
      }
      onWritten(batch);
      this.#send();
    } else {
      this.#failingSince ??= clock.now();
      if (outcome) onDeposed();
      else if (clock.now() - this.#failingSince > patienceMs) {
        this.#failingSince = undefined;
        onStuck(failure);
      }
      this.#retry = clock.setTimeout(() => this.#send(), RETRY_MS);
      this.#retry.unref();
    }
  }

  #tellIdle(): void {
    for (const resolve of this.#idle.splice(0)) resolve();
  }
}
