// What the leader's session knows of all members: wishes and calls, read whole once and then change by change, and the end of members
// that have said nothing for too long.

import { backgroundClock, type Timer } from '../../../time';
import type { SessionListener, WishChange } from '../../engine';
import type { RedisLink } from './link';
import { fieldOf, wishOf, type WishMessage } from './packing';
import type { RedisKeys } from './scripts';

export class ServedMembers {
  readonly #link: RedisLink;
  readonly #keys: RedisKeys;
  readonly #memberTtlMs: number;
  readonly #listener: SessionListener;
  /** The fields of each member: a member that states everything anew ends the rest. */
  readonly #fields = new Map<string, Set<string>>();
  #state: 'idle' | 'reading' | 'serving' = 'idle';
  /** Changes that came while everything was read. */
  #meanwhile: WishMessage[] = [];
  #purge: Timer | undefined;
  #round = 0;

  constructor(link: RedisLink, keys: RedisKeys, memberTtlMs: number, listener: SessionListener) {
    this.#link = link;
    this.#keys = keys;
    this.#memberTtlMs = memberTtlMs;
    this.#listener = listener;
  }

  async begin(): Promise<void> {
    const { prefix, members, waiting } = this.#keys;
    const round = ++this.#round;
    this.#state = 'reading';
    this.#meanwhile = [];
    await this.#link.subscribe([`${prefix}wishes`, `${prefix}calls`]);
    await this.#link.run('purge', members, prefix);
    const flat = (await this.#link.run('wishes', members, prefix)) as Buffer[];
    const calls = (await this.#link.command('SMEMBERS', waiting)) as Buffer[];
    if (round !== this.#round) return;
    this.#state = 'serving';
    this.#tellWishes(flat);
    for (const message of this.#meanwhile.splice(0)) this.hearWishes(message);
    if (calls.length > 0) this.#listener.onCalls(calls.map((id) => idOf(id.toString())));
    this.#purgeLater();
  }

  end(): void {
    const wasServing = this.#state !== 'idle';
    this.#round++;
    this.#state = 'idle';
    this.#fields.clear();
    backgroundClock.clearTimeout(this.#purge);
    const { prefix } = this.#keys;
    if (wasServing && this.#link.isUp) this.#link.unsubscribe([`${prefix}wishes`, `${prefix}calls`]).catch(() => undefined);
  }

  hearWishes(message: WishMessage): void {
    if (this.#state === 'reading') this.#meanwhile.push(message);
    if (this.#state !== 'serving') return;
    const { member, gone = false, whole = false, add = [], remove = [] } = message;
    const fields = this.#fieldsOf(member);
    const changes: WishChange[] = [];
    // An empty table of Lua and an empty list look the same in JSON.
    const kept = new Set([...add].map(([field]) => field));
    const ended = gone ? [...fields] : whole ? [...fields].filter((field) => !kept.has(field)) : [...remove];
    for (const field of ended) if (fields.delete(field)) changes.push(wishOf(member, field, undefined));
    for (const [field, base64] of add) {
      fields.add(field);
      changes.push(wishOf(member, field, Buffer.from(base64, 'base64')));
    }
    if (fields.size === 0) this.#fields.delete(member);
    if (changes.length > 0) this.#listener.onWishes(changes, false);
  }

  /** @param text a member and the numbers of its calls */
  hearCalls(text: string): void {
    if (this.#state === 'idle') return;
    const [member, ...numbers] = text.split(' ');
    this.#listener.onCalls(numbers.map((number) => ({ member: member!, number: Number(number) })));
  }

  #tellWishes(flat: readonly Buffer[]): void {
    this.#fields.clear();
    const changes: WishChange[] = [];
    for (let at = 0; at < flat.length; at += 3) {
      const change = wishOf(flat[at]!.toString(), flat[at + 1]!.toString(), flat[at + 2]);
      changes.push(change);
      this.#fieldsOf(change.member).add(fieldOf(change));
    }
    this.#listener.onWishes(changes, true);
  }

  #fieldsOf(member: string): Set<string> {
    let fields = this.#fields.get(member);
    if (!fields) this.#fields.set(member, (fields = new Set()));
    return fields;
  }

  #purgeLater(): void {
    const { prefix, members } = this.#keys;
    backgroundClock.clearTimeout(this.#purge);
    this.#purge = backgroundClock.setTimeout(
      () => {
        this.#link.run('purge', members, prefix).catch(() => undefined); // the next purge follows
        this.#purgeLater();
      },
      Math.max(250, this.#memberTtlMs / 10),
    );
  }
}

function idOf(text: string): { member: string; number: number } {
  const [member, number] = text.split(' ') as [string, string];
  return { member, number: Number(number) };
}
