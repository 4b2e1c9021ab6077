// One member's session on Redis: the verbs of engine.ts as scripts, and messages of the subscribing connection as what the fleet hears.
// Redis tells nobody that a key has expired: members look when leadership would end without a renewal.

import { backgroundClock, soon, type Timer } from '../../../time';
import type {
  CampaignOutcome,
  Candidate,
  EngineCall,
  EngineHealth,
  EngineReply,
  EngineSession,
  Fence,
  Fenced,
  Leader,
  LeaderRecord,
  SessionListener,
  SessionSetup,
  Wish,
  WriteBatch,
} from '../../engine';
import { healthOf } from './health';
import { RedisLink, type RedisPlace } from './link';
import { fieldOf, packValue, unpackValue, type WishMessage } from './packing';
import { keysOf, type RedisKeys } from './scripts';
import { ServedMembers } from './served-members';

export interface RedisSettings {
  readonly place: RedisPlace;
  readonly presence: boolean;
  readonly replicas: number;
}

const DEPOSED = { deposed: true } as const;
const DONE = { deposed: false } as const;
/** Values of a group without a leader are kept for this long, ms. */
const KEEP_MS = 7 * 24 * 3_600_000;
/** With presence, all members together look about this often, ms. */
const LOOK_MS = 100;

export class RedisSession implements EngineSession {
  readonly #setup: SessionSetup;
  readonly #settings: RedisSettings;
  readonly #listener: SessionListener;
  readonly #keys: RedisKeys;
  readonly #link: RedisLink;
  readonly #served: ServedMembers;
  #isClosed = false;
  /** The session is up and the fleet knows. */
  #isTold = false;
  #leader: Leader | undefined;
  #ownFence: Fence | undefined;
  #look: Timer | undefined;
  #touch: Timer | undefined;
  /** Answers that were told, and that Redis may forget. */
  #told: number[] = [];

  constructor(setup: SessionSetup, settings: RedisSettings, listener: SessionListener) {
    this.#setup = setup;
    this.#settings = settings;
    this.#listener = listener;
    this.#keys = keysOf(setup.group);
    this.#link = new RedisLink({
      ...{ place: settings.place, group: setup.group, timeoutMs: setup.verbTimeoutMs },
      onUp: () => void this.#rise(),
      onDown: (error) => this.#fall(error),
      onMessage: (channel, message) => this.#hear(channel, message),
    });
    this.#served = new ServedMembers(this.#link, this.#keys, setup.memberTtlMs, listener);
  }

  async health(): Promise<EngineHealth> {
    return healthOf(await this.#link.info());
  }

  async campaign({ record, highestEpoch, isIncumbent }: Candidate): Promise<CampaignOutcome> {
    const { leader, epoch, prefix } = this.#keys;
    const { ttlMs } = this.#setup;
    const given = [prefix, record.member, JSON.stringify(record), highestEpoch, ttlMs, isIncumbent ? 1 : 0];
    const [outcome, ...facts] = texts(await this.#link.run('campaign', leader, epoch, ...given));
    if (outcome === 'won') {
      const [fence, won] = facts as [string, string];
      await this.#replicated();
      this.#ownFence = fence;
      void this.#beSeen();
      return { won: true, fence, epoch: Number(won) };
    }
    if (outcome === 'led') return { won: false, leader: leaderOf(facts as [string, string, string]) };
    return { won: false, leader: undefined, waitMs: Number(facts[0]) };
  }

  async renew(fence: Fence): Promise<boolean> {
    const { leader, values } = this.#keys;
    const isLeading = (await this.#link.run('renew', leader, values, fence, this.#setup.ttlMs, KEEP_MS)) === 1;
    if (!isLeading && this.#ownFence === fence) this.#ownFence = undefined;
    return isLeading;
  }

  async resign(fence: Fence): Promise<void> {
    this.#ownFence = undefined;
    await this.#link.run('resign', this.#keys.leader, this.#keys.prefix, fence);
  }

  async release({ member, fence }: Leader): Promise<boolean> {
    const { members, leader, prefix } = this.#keys;
    return (await this.#link.run('forget', members, leader, prefix, member, fence)) === 1;
  }

  async write(fence: Fence, { epoch, guard, values }: WriteBatch): Promise<Fenced> {
    const given = values.flatMap((value) => [value.key, packValue(epoch, value), value.bytes ? 1 : 0]);
    const done = await this.#link.run('write', this.#keys.leader, this.#keys.values, this.#keys.prefix, fence, guard, ...given);
    return done === 1 ? DONE : DEPOSED;
  }

  async take(
    fence: Fence,
    ids: readonly Omit<EngineCall, 'bytes'>[],
  ): Promise<Fenced<{ readonly calls: readonly EngineCall[] }>> {
    const given = ids.flatMap(({ member, number }) => [member, number]);
    const taken = await this.#link.run('take', this.#keys.leader, this.#keys.waiting, this.#keys.prefix, fence, ...given);
    if (!Array.isArray(taken)) return DEPOSED;
    await this.#replicated();
    const calls = pairs(taken as Buffer[]).map(([at, bytes]) => ({ ...ids[Number(at.toString())]!, bytes }));
    return { deposed: false, calls };
  }

  async reply(fence: Fence, replies: readonly EngineReply[]): Promise<Fenced> {
    const given = replies.flatMap(({ member, number, bytes }) => [member, number, bytes]);
    const done = await this.#link.run('reply', this.#keys.leader, this.#keys.prefix, fence, this.#setup.memberTtlMs, ...given);
    return done === 1 ? DONE : DEPOSED;
  }

  serve(): Promise<void> {
    return this.#served.begin();
  }

  stopServing(): void {
    this.#served.end();
  }

  async watch(keys: readonly string[]): Promise<void> {
    if (keys.length === 0) return;
    // Subscribe first, or a value between the two is lost.
    await this.#link.subscribe(keys.map((key) => this.#valueChannel(key)));
    const found = (await this.#link.command('HMGET', this.#keys.values, ...keys)) as (Buffer | null)[];
    const values = found.flatMap((packed, at) => (packed ? unpackValue(keys[at]!, packed) : []));
    if (values.length > 0 && this.#isTold) this.#listener.onValues(values);
  }

  unwatch(keys: readonly string[]): void {
    if (keys.length > 0) this.#forgo(this.#link.unsubscribe(keys.map((key) => this.#valueChannel(key))));
  }

  want(wishes: readonly Wish[], isWhole: boolean): Promise<void> {
    return this.#want(wishes, [], isWhole);
  }

  unwant(wishes: readonly Omit<Wish, 'registration'>[]): Promise<void> {
    return this.#want([], wishes.map(fieldOf), false);
  }

  async call(calls: readonly Omit<EngineCall, 'member'>[]): Promise<void> {
    const { members, waiting, prefix } = this.#keys;
    const { member, memberTtlMs } = this.#setup;
    const given = calls.flatMap(({ number, bytes }) => [number, bytes]);
    await this.#link.run('call', members, waiting, prefix, member, memberTtlMs, ...given);
  }

  async withdraw(numbers: readonly number[]): Promise<readonly number[]> {
    const free = await this.#link.run('withdraw', this.#keys.waiting, this.#keys.prefix, this.#setup.member, ...numbers);
    return texts(free).map(Number);
  }

  async lostSince(fence: Fence | undefined, numbers: readonly number[]): Promise<readonly number[]> {
    const { members, prefix } = this.#keys;
    const lost = await this.#link.run('lost', members, prefix, this.#setup.member, fence ?? 'nobody', ...numbers);
    return texts(lost).map(Number);
  }

  barrier(): Promise<void> {
    return this.#link.barrier();
  }

  async close(): Promise<void> {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#stopTimers();
    this.#served.end();
    const { members, leader, prefix } = this.#keys;
    // Without a connection the member ends by itself.
    if (this.#link.isUp) await this.#link.run('forget', members, leader, prefix, this.#setup.member, '').catch(() => undefined);
    this.#link.close();
  }

  async #rise(): Promise<void> {
    const { member, memberTtlMs } = this.#setup;
    const { prefix, members } = this.#keys;
    try {
      await this.#link.subscribe([`${prefix}leader`, `${prefix}r:${member}`]);
      await this.#link.run('touch', members, prefix, member, memberTtlMs);
      const leader = await this.#lookNow();
      const replies = pairs((await this.#link.command('HGETALL', `${prefix}r:${member}`)) as Buffer[]);
      if (!this.#link.isUp || this.#isClosed) return;
      this.#isTold = true;
      this.#listener.onUp();
      this.#tellLeader(leader, true);
      this.#tellReplies(replies.map(([number, bytes]) => ({ member, number: Number(number.toString()), bytes })));
      this.#touchLater();
      if (this.#ownFence !== undefined) void this.#beSeen();
    } catch {
      // Cut off meanwhile, which the link tells; or still up, and tried again.
      if (this.#link.isUp && !this.#isClosed) this.#look = backgroundClock.setTimeout(() => void this.#rise(), 100);
    }
  }

  #fall(error: Error): void {
    this.#isTold = false;
    this.#stopTimers();
    this.#served.end();
    if (!this.#isClosed) this.#listener.onDown(error);
  }

  #stopTimers(): void {
    backgroundClock.clearTimeout(this.#look);
    backgroundClock.clearTimeout(this.#touch);
  }

  #hear(channel: string, message: Buffer): void {
    const { prefix } = this.#keys;
    if (!channel.startsWith(prefix) || !this.#isTold) return;
    const name = channel.slice(prefix.length);
    if (name.startsWith('v:')) this.#listener.onValues([unpackValue(name.slice(2), message)]);
    else if (name === 'leader') {
      const { record, fence, epoch } = JSON.parse(message.toString()) as { record?: string; fence: string; epoch: string };
      this.#tellLeader(record === undefined ? undefined : leaderOf([record, fence, epoch]), false);
    } else if (name === 'wishes') this.#served.hearWishes(JSON.parse(message.toString()) as WishMessage);
    else if (name === 'calls') this.#served.hearCalls(message.toString());
    else if (name === `r:${this.#setup.member}`) {
      const bar = message.indexOf('|');
      const number = Number(message.subarray(0, bar).toString());
      this.#tellReplies([{ member: this.#setup.member, number, bytes: message.subarray(bar + 1) }]);
    }
  }

  #tellReplies(replies: readonly EngineReply[]): void {
    if (replies.length === 0) return;
    this.#listener.onReplies(replies);
    if (this.#told.length === 0) soon(() => this.#forgetTold());
    this.#told.push(...replies.map(({ number }) => number));
  }

  #forgetTold(): void {
    const numbers = this.#told.splice(0);
    this.#forgo(this.#link.command('HDEL', `${this.#keys.prefix}r:${this.#setup.member}`, ...numbers));
  }

  /** @param isAlways whether the same leader is told again */
  #tellLeader(leader: Leader | undefined, isAlways: boolean): void {
    const isSame = leader?.fence === this.#leader?.fence;
    this.#leader = leader;
    this.#lookLater(leader ? this.#setup.ttlMs : undefined, 1);
    if (!isSame || isAlways) this.#listener.onLeader(leader);
  }

  async #lookNow(): Promise<Leader | undefined> {
    const { leader, members, prefix } = this.#keys;
    const found = texts(await this.#link.run('look', leader, members, prefix, this.#settings.presence ? 1 : 0));
    if (found.length === 0) return undefined;
    const [record, fence, epoch, remainingMs, count] = found as [string, string, string, string, string];
    this.#lookLater(Number(remainingMs), Number(count));
    return leaderOf([record, fence, epoch]);
  }

  /** @param remainingMs until leadership ends without a renewal; undefined: nobody leads */
  #lookLater(remainingMs: number | undefined, members: number): void {
    backgroundClock.clearTimeout(this.#look);
    if (remainingMs === undefined || this.#isClosed) return;
    const { ttlMs } = this.#setup;
    const often = Math.min(ttlMs / 2, LOOK_MS * Math.max(1, members)) * (0.5 + Math.random());
    const delayMs = Math.max(10, remainingMs) + 10 + Math.random() * 20;
    this.#look = backgroundClock.setTimeout(
      () => void this.#lookAgain(),
      this.#settings.presence ? Math.min(often, delayMs) : delayMs,
    );
  }

  async #lookAgain(): Promise<void> {
    if (!this.#isTold) return;
    try {
      const leader = await this.#lookNow();
      if (this.#isTold && leader?.fence !== this.#leader?.fence) this.#tellLeader(leader, false);
    } catch {
      this.#lookLater(this.#setup.ttlMs / 4, 1);
    }
  }

  #touchLater(): void {
    const { memberTtlMs, member } = this.#setup;
    const { members, prefix } = this.#keys;
    backgroundClock.clearTimeout(this.#touch);
    this.#touch = backgroundClock.setTimeout(() => {
      this.#link.run('touch', members, prefix, member, memberTtlMs).then(
        (known) => {
          if (!this.#isTold) return;
          this.#touchLater();
          // Redis has forgotten this member, after a freeze for instance.
          if (known !== 1) void this.#rise();
        },
        () => {
          if (this.#isTold) this.#touchLater();
        },
      );
    }, memberTtlMs / 4);
  }

  /** The subscribing connection is the sign of life of a leader. */
  async #beSeen(): Promise<void> {
    const fence = this.#ownFence;
    if (!this.#settings.presence || fence === undefined) return;
    try {
      await this.#link.subscribe([`${this.#keys.prefix}seen:${fence}`]);
      await this.#link.run('seen', this.#keys.leader, fence, 1);
    } catch {
      // Without the mark, leadership ends with the TTL.
    }
  }

  async #want(wishes: readonly Wish[], gone: readonly string[], isWhole: boolean): Promise<void> {
    const { members, prefix } = this.#keys;
    const { member, memberTtlMs } = this.#setup;
    const message: WishMessage = {
      member,
      whole: isWhole,
      add: wishes.map((wish) => [fieldOf(wish), wish.registration.toString('base64')]),
      remove: gone,
    };
    const added = wishes.flatMap((wish) => [fieldOf(wish), wish.registration]);
    const given = [prefix, member, memberTtlMs, isWhole ? 1 : 0, JSON.stringify(message), gone.length, ...gone, ...added];
    await this.#link.run('want', members, ...given);
  }

  /** What was acknowledged is kept by so many replicas, too. */
  async #replicated(): Promise<void> {
    const { replicas } = this.#settings;
    if (replicas === 0) return;
    const kept = Number(await this.#link.command('WAIT', replicas, this.#setup.verbTimeoutMs));
    if (kept < replicas) throw this.#link.errorOf(new Error(`${kept} of ${replicas} replicas have confirmed`));
  }

  #valueChannel(key: string): string {
    return `${this.#keys.prefix}v:${key}`;
  }

  /** Work that nobody waits for, and whose failure has no effect. */
  #forgo(promise: Promise<unknown>): void {
    promise.catch(() => undefined);
  }
}

function leaderOf([record, fence, epoch]: readonly [record: string, fence: string, epoch: string]): Leader {
  return { ...(JSON.parse(record) as LeaderRecord), fence, epoch: Number(epoch) };
}

function texts(reply: unknown): string[] {
  return ((reply as Buffer[] | null) ?? []).map((each) => each.toString());
}

export function pairs(flat: readonly Buffer[]): [Buffer, Buffer][] {
  return Array.from({ length: flat.length / 2 }, (_, at) => [flat[2 * at]!, flat[2 * at + 1]!]);
}
