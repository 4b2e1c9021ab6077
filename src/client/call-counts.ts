// Counts the calls of a client: outcomes by method, and how long answers took. A few additions for each call and no look at the clock:
// roles know the time of an answer anyway.

import type { CallCounts, CallOutcomes } from '../host-view';
import { LATENCY_BUCKETS_MS } from '../latency-buckets';

/** Methods and codes beyond these counts are counted together: what is told of a client has a bounded size. */
const MAX_METHODS = 100;
const MAX_CODES = 50;
const OTHER = 'other';

interface Outcomes {
  ok: number;
  readonly failed: Map<string, number>;
}

export class CallCounter {
  #underWay = 0;
  #ended = 0;
  readonly #methods = new Map<string, Outcomes>();
  readonly #buckets = new Array<number>(LATENCY_BUCKETS_MS.length + 1).fill(0);
  #sumMs = 0;

  /** Grows with each call. */
  get changes(): number {
    return this.#ended + this.#underWay;
  }

  begin(): void {
    this.#underWay++;
  }

  /** A call without an answer is made. */
  notified(method: string): void {
    this.#ended++;
    this.#outcomesOf(method).ok++;
  }

  succeeded(method: string): void {
    this.#underWay--;
    this.#ended++;
    this.#outcomesOf(method).ok++;
  }

  failed(method: string, error: unknown): void {
    this.#underWay--;
    this.#ended++;
    const { failed } = this.#outcomesOf(method);
    const code = codeOf(error);
    const counted = failed.has(code) || failed.size < MAX_CODES ? code : OTHER;
    failed.set(counted, (failed.get(counted) ?? 0) + 1);
  }

  /** An answer has come, a result or an error. */
  answered(tookMs: number): void {
    this.#sumMs += tookMs;
    let bucket = 0;
    while (bucket < LATENCY_BUCKETS_MS.length && tookMs > LATENCY_BUCKETS_MS[bucket]!) bucket++;
    this.#buckets[bucket]!++;
  }

  /** The counts so far, as plain data. */
  get view(): CallCounts {
    let ok = 0;
    const failed = new Map<string, number>();
    const methods = new Map<string, CallOutcomes>();
    for (const [method, outcomes] of this.#methods) {
      ok += outcomes.ok;
      for (const [code, count] of outcomes.failed) failed.set(code, (failed.get(code) ?? 0) + count);
      methods.set(method, { ok: outcomes.ok, failed: Object.fromEntries(outcomes.failed) });
    }
    const latency = { sumMs: Math.round(this.#sumMs * 1_000) / 1_000, counts: [...this.#buckets] };
    // Codes and methods may be called `constructor` or `__proto__`, so objects are made of maps.
    return {
      ok,
      failed: Object.fromEntries(failed),
      underWay: this.#underWay,
      methods: Object.fromEntries(methods),
      latency,
    };
  }

  #outcomesOf(method: string): Outcomes {
    let outcomes = this.#methods.get(method);
    if (outcomes) return outcomes;
    const name = this.#methods.size < MAX_METHODS ? method : OTHER;
    outcomes = this.#methods.get(name) ?? { ok: 0, failed: new Map() };
    this.#methods.set(name, outcomes);
    return outcomes;
  }
}

/** A code that a class gives may be anything: only short words are told. */
function codeOf(error: unknown): string {
  const code: unknown = (error as { code?: unknown } | null | undefined)?.code;
  if (typeof code === 'number') return String(code);
  return typeof code === 'string' && /^[\w.-]{1,64}$/.test(code) ? code : 'error';
}
