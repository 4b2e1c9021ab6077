// A member's calls in etcd, on the side of the caller: a key for each call under the lease of the member, and a key with the highest
// number so far, which refuses calls that come late or twice. An answer is a key too, which the caller deletes.

import type { EngineCall, EngineReply, Fence } from '../../engine';
import type { EtcdEntry, EtcdEvent, Operation, OperationResult } from '../../../etcd/etcd-types';
import { TrunklineError } from '../../../errors';
import { backgroundClock, type Timer } from '../../../time';
import { digits, numberOf } from './keys';
import type { EtcdLine } from './line';

/** Answers that were told are deleted together, at the latest after this time, ms. */
const TIDY_MS = 1_000;
const OPERATIONS = 100;

export class OwnCalls {
  /** The highest number that was ever given to etcd. */
  #lastNumber = 0;
  /** Numbers whose answer was not told, as far as is known. */
  readonly #open = new Set<number>();
  /** Open numbers that will get no answer, as the caller was told. */
  readonly #lost = new Set<number>();
  /** Keys of answers that were told. */
  #told: Buffer[] = [];
  #tidying: Timer | undefined;

  get lastNumber(): number {
    return this.#lastNumber;
  }

  /** Whether answers may be on their way. */
  get areOpen(): boolean {
    return this.#open.size > 0;
  }

  async call(line: EtcdLine, calls: readonly Omit<EngineCall, 'member'>[]): Promise<void> {
    const { keys, setup, memberLease: lease } = line;
    for (const { number } of calls) if (number > this.#lastNumber) this.#open.add(number);
    let fresh = calls;
    while (fresh.length > 0) {
      const [first, last] = [fresh[0]!.number, fresh.at(-1)!.number];
      this.#lastNumber = Math.max(this.#lastNumber, last);
      const { succeeded, results } = await line.txn({
        if: [{ key: keys.number(setup.member), is: '<', value: digits(first) }],
        then: [
          { put: { key: keys.number(setup.member), value: digits(last), lease } },
          ...fresh.map(({ number, bytes }) => ({ put: { key: keys.call(setup.member, number), value: bytes, lease } })),
        ],
        else: [{ range: { key: keys.number(setup.member) } }],
      });
      if (succeeded) return;
      const [result] = results;
      const stored = result && 'range' in result ? result.range.entries[0] : undefined;
      if (!stored) throw forgotten(line.client.addresses);
      const known = Number(stored.value.toString());
      fresh = fresh.filter(({ number }) => number > known);
    }
  }

  /** @returns the numbers of calls that were there and that nobody had claimed */
  async withdraw(line: EtcdLine, numbers: readonly number[]): Promise<readonly number[]> {
    const { keys, setup } = line;
    const withdrawn: number[] = [];
    for (let at = 0; at < numbers.length; at += OPERATIONS) {
      const some = numbers.slice(at, at + OPERATIONS);
      const withdrawals = some.map((number): Operation => {
        const call = keys.call(setup.member, number);
        return {
          txn: {
            if: [
              { key: call, is: '>', version: 0 },
              { key: keys.claim(setup.member, number), version: 0 },
            ],
            then: [{ delete: { key: call } }],
          },
        };
      });
      const { results } = await line.txn({ then: withdrawals });
      withdrawn.push(...some.filter((_, index) => isDone(results[index])));
    }
    for (const number of withdrawn) this.#open.delete(number);
    return withdrawn;
  }

  async lostSince(line: EtcdLine, fence: Fence | undefined, numbers: readonly number[]): Promise<readonly number[]> {
    const { keys, setup } = line;
    const { ranges } = await line.read(
      { prefix: keys.calls(setup.member), keysOnly: true },
      { prefix: keys.claimsOf(setup.member) },
      { prefix: keys.replies(setup.member), keysOnly: true },
    );
    const [calls, claims, replies] = ranges.map(
      ({ entries }) => new Map(entries.map(({ key, value }) => [numberOf(key), value])),
    );
    const lost = numbers.filter((number) => {
      if (replies!.has(number)) return false;
      const claim = claims!.get(number);
      return !calls!.has(number) || (claim !== undefined && claim.toString() !== fence);
    });
    for (const number of lost) this.#lost.add(number);
    return lost;
  }

  /** Everything that etcd had for this member was told. */
  toldAll(): void {
    for (const number of this.#lost) this.#open.delete(number);
    this.#lost.clear();
  }

  hear(line: EtcdLine, events: readonly EtcdEvent[]): void {
    this.tell(
      line,
      events.flatMap(({ type, entry }) => (type === 'put' ? entry : [])),
    );
  }

  /** @param entries keys of answers */
  tell(line: EtcdLine, entries: readonly EtcdEntry[]): void {
    if (entries.length === 0) return;
    const { member } = line.setup;
    const replies = entries.map(({ key, value }): EngineReply => ({ member, number: numberOf(key), bytes: value }));
    line.tell((listener) => {
      listener.onReplies(replies);
      for (const { number } of replies) this.#open.delete(number);
      this.#told.push(...entries.map(({ key }) => key));
      this.#tidying ??= backgroundClock.setTimeout(() => void this.#tidy(line), TIDY_MS);
    });
  }

  /** What was told belongs to a connection that is gone: answers that are still there are told again. */
  clear(): void {
    backgroundClock.clearTimeout(this.#tidying);
    this.#tidying = undefined;
    this.#told = [];
  }

  async #tidy(line: EtcdLine): Promise<void> {
    this.#tidying = undefined;
    const keys = this.#told.splice(0);
    try {
      for (let at = 0; at < keys.length; at += OPERATIONS)
        await line.txn({ then: keys.slice(at, at + OPERATIONS).map((key) => ({ delete: { key } })) });
    } catch {
      // The answers end with the lease of the member at the latest.
    }
  }
}

/** Whether the conditions of a transaction within a transaction held. */
function isDone(result: OperationResult | undefined): boolean {
  return result !== undefined && 'txn' in result && result.txn.succeeded;
}

/** The member was silent for too long, or etcd has lost its data: the session begins anew. */
export function forgotten(server: string): TrunklineError {
  const sentence = `etcd at ${server}: etcd has forgotten this member, which states everything again`;
  return new TrunklineError('ERR_TRUNKLINE_STORE_FAILED', sentence, { reason: 'lease-not-found' });
}
