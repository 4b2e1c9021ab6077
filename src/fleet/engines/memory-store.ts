// The data of a memory engine, and the rules of engine.ts for these data: what a server would keep and check. Every function runs to
// its end at once, so each is a transaction. Sessions (memory.ts) decide who hears of what.

import type { Clock, Timer } from '../../time';
import type {
  CallId,
  CampaignOutcome,
  Candidate,
  EngineCall,
  EngineReply,
  EngineValue,
  Fence,
  Fenced,
  Leader,
  Wish,
  WishChange,
  WishKind,
  WriteBatch,
} from '../engine';

/** What all sessions of a group hear. */
export interface StoreHooks {
  onLeader(leader: Leader | undefined): void;
  onValues(values: readonly EngineValue[]): void;
  onWishes(changes: readonly WishChange[]): void;
  onCalls(calls: readonly CallId[]): void;
  onReplies(replies: readonly EngineReply[]): void;
}

interface Member {
  readonly wishes: Map<string, Wish>;
  readonly calls: Map<number, { readonly bytes: Buffer; claimedBy: Fence | undefined }>;
  /** Answers that the member has not been told yet. */
  readonly replies: Map<number, Buffer>;
  lastNumber: number;
}

const DEPOSED = { deposed: true } as const;
const DONE = { deposed: false } as const;

export class MemoryStore {
  readonly #clock: Clock;
  readonly #hooks: StoreHooks;
  /** Nobody but an incumbent may lead before this moment; see `CampaignOutcome`. */
  readonly #quietUntil: number;
  readonly #members = new Map<string, Member>();
  readonly #values = new Map<string, EngineValue>();
  #leader: Leader | undefined;
  #expiry: Timer | undefined;
  #guard = 0;
  #epoch = 0;
  static #lastFence = 0;

  /** @param quietUntil on the clock; 0 for a store that has lost nothing */
  constructor(clock: Clock, quietUntil: number, hooks: StoreHooks) {
    this.#clock = clock;
    this.#quietUntil = quietUntil;
    this.#hooks = hooks;
  }

  get leader(): Leader | undefined {
    return this.#leader;
  }

  campaign({ record, highestEpoch, isIncumbent }: Candidate, ttlMs: number): CampaignOutcome {
    if (this.#leader) {
      if (this.#leader.member !== record.member) return { won: false, leader: this.#leader };
      this.#extend(ttlMs);
      return { won: true, fence: this.#leader.fence, epoch: this.#leader.epoch };
    }
    const waitMs = this.#quietUntil - this.#clock.now();
    if (waitMs > 0 && !isIncumbent) return { won: false, leader: undefined, waitMs };
    this.#epoch = Math.max(this.#epoch + 1, highestEpoch + 1, Date.now());
    this.#guard = 0;
    this.#leader = { ...record, fence: String(++MemoryStore.#lastFence), epoch: this.#epoch };
    this.#extend(ttlMs);
    this.#hooks.onLeader(this.#leader);
    return { won: true, fence: this.#leader.fence, epoch: this.#epoch };
  }

  renew(fence: Fence, ttlMs: number): boolean {
    if (this.#leader?.fence !== fence) return false;
    this.#extend(ttlMs);
    return true;
  }

  /** @returns whether the fence led */
  depose(fence: Fence): boolean {
    if (this.#leader?.fence !== fence) return false;
    this.#clock.clearTimeout(this.#expiry);
    this.#leader = undefined;
    this.#hooks.onLeader(undefined);
    return true;
  }

  write(fence: Fence, { epoch, guard, values }: WriteBatch): Fenced {
    if (this.#leader?.fence !== fence || guard < this.#guard) return DEPOSED;
    if (guard === this.#guard) return DONE;
    this.#guard = guard;
    const written = values.map((value) => ({ ...value, epoch }));
    for (const value of written) {
      if (value.bytes) this.#values.set(value.key, value);
      else this.#values.delete(value.key);
    }
    this.#hooks.onValues(written);
    return DONE;
  }

  valuesOf(keys: Iterable<string>): EngineValue[] {
    return [...keys].flatMap((key) => this.#values.get(key) ?? []);
  }

  want(member: string, wishes: readonly Wish[], isWhole: boolean): void {
    const { wishes: known } = this.#memberOf(member);
    const kept = new Set(wishes.map(({ kind, key }) => kind + key));
    if (isWhole)
      this.unwant(
        member,
        [...known].flatMap(([id, wish]) => (kept.has(id) ? [] : wish)),
      );
    for (const wish of wishes) known.set(wish.kind + wish.key, wish);
    this.#hooks.onWishes(wishes.map((wish) => ({ member, ...wish })));
  }

  unwant(member: string, wishes: readonly { readonly kind: WishKind; readonly key: string }[]): void {
    const { wishes: known } = this.#memberOf(member);
    const gone = wishes.filter(({ kind, key }) => known.delete(kind + key));
    this.#hooks.onWishes(gone.map(({ kind, key }) => ({ member, kind, key, registration: undefined })));
  }

  wishes(): WishChange[] {
    return [...this.#members].flatMap(([member, { wishes }]) => [...wishes.values()].map((wish) => ({ member, ...wish })));
  }

  call(member: string, calls: readonly Omit<EngineCall, 'member'>[]): void {
    const known = this.#memberOf(member);
    const fresh = calls.filter(({ number }) => number > known.lastNumber);
    for (const { number, bytes } of fresh) {
      known.calls.set(number, { bytes, claimedBy: undefined });
      known.lastNumber = number;
    }
    this.#hooks.onCalls(fresh.map(({ number }) => ({ member, number })));
  }

  unclaimed(): CallId[] {
    return [...this.#members].flatMap(([member, { calls }]) =>
      [...calls].flatMap(([number, { claimedBy }]) => (claimedBy === undefined ? { member, number } : [])),
    );
  }

  withdraw(member: string, numbers: readonly number[]): number[] {
    const { calls } = this.#memberOf(member);
    return numbers.filter((number) => calls.get(number)?.claimedBy === undefined && calls.delete(number));
  }

  take(fence: Fence, ids: readonly CallId[]): Fenced<{ readonly calls: readonly EngineCall[] }> {
    if (this.#leader?.fence !== fence) return DEPOSED;
    const taken: EngineCall[] = [];
    for (const { member, number } of ids) {
      const call = this.#members.get(member)?.calls.get(number);
      if (!call || (call.claimedBy !== undefined && call.claimedBy !== fence)) continue;
      call.claimedBy = fence;
      taken.push({ member, number, bytes: call.bytes });
    }
    return { deposed: false, calls: taken };
  }

  reply(fence: Fence, replies: readonly EngineReply[]): Fenced {
    if (this.#leader?.fence !== fence) return DEPOSED;
    const given = replies.filter(({ member, number, bytes }) => {
      const known = this.#members.get(member);
      if (!known?.calls.delete(number)) return false;
      known.replies.set(number, bytes);
      return true;
    });
    this.#hooks.onReplies(given);
    return DONE;
  }

  repliesOf(member: string): EngineReply[] {
    return [...this.#memberOf(member).replies].map(([number, bytes]) => ({ member, number, bytes }));
  }

  /** The member has been told. */
  forgetReplies(member: string, replies: readonly EngineReply[]): void {
    for (const { number } of replies) this.#members.get(member)?.replies.delete(number);
  }

  lostSince(member: string, fence: Fence | undefined, numbers: readonly number[]): number[] {
    const { calls, replies } = this.#memberOf(member);
    return numbers.filter((number) => {
      const call = calls.get(number);
      return call ? call.claimedBy !== undefined && call.claimedBy !== fence : !replies.has(number);
    });
  }

  forget(member: string): void {
    const known = this.#members.get(member);
    if (!known) return;
    this.unwant(member, [...known.wishes.values()]);
    this.#members.delete(member);
  }

  close(): void {
    this.#clock.clearTimeout(this.#expiry);
  }

  #memberOf(member: string): Member {
    let known = this.#members.get(member);
    if (!known) {
      known = { wishes: new Map(), calls: new Map(), replies: new Map(), lastNumber: 0 };
      this.#members.set(member, known);
    }
    return known;
  }

  #extend(ttlMs: number): void {
    const { fence } = this.#leader!;
    this.#clock.clearTimeout(this.#expiry);
    this.#expiry = this.#clock.setTimeout(() => this.depose(fence), ttlMs);
  }
}
