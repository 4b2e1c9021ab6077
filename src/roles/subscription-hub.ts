// Fan-out, last value, replay, and "all or pick one": the only place that has them. Where values come from is the
// hub's source: the upstream client (single.ts) or the connection to the leader (follower.ts).
//
// Delivery is always asynchronous and in order. Each subscriber knows the newest version it has seen, so a value
// that was replayed to a late subscriber is not delivered to it a second time.

import type { Clock, Timer } from '../time';
import type { Subscriber } from './role';

export interface Source {
  /** Values of the key are wanted from now on; they come in through `hub.push`. */
  open(key: string, registration: unknown): void;
  /**
   * Nobody wants the key any more.
   * @returns false when the source cannot be told, so that values go on coming in
   */
  close(key: string, registration: unknown): boolean;
}

export interface HubOptions {
  readonly source: Source;
  /** True: every subscriber gets each value, and late ones the last. False: one of them, chosen at random, gets it. */
  readonly isBroadcast: boolean;
  /** How long a key without subscribers stays open, ms. */
  readonly lingerMs: number;
  readonly clock: Clock;
}

interface Subscription {
  readonly subscriber: Subscriber;
  readonly entry: Entry;
  /** The newest version that the subscriber has had. */
  seen: number;
}

interface Entry {
  readonly key: string;
  readonly registration: unknown;
  /** The same subscriber is there once. */
  readonly subscriptions: Subscription[];
  /** Counts the values that came in. 0: none yet. */
  version: number;
  last: Buffer | undefined;
  linger: Timer | undefined;
}

interface Delivery {
  readonly entry: Entry;
  readonly version: number;
  readonly payload: Buffer;
  /** A replay for this one. Undefined: for whoever is subscribed when its turn comes. */
  readonly only: Subscription | undefined;
}

/** What a subscriber that has left has seen. */
const EVERYTHING = Infinity;

export class SubscriptionHub {
  readonly #options: HubOptions;
  readonly #entries = new Map<string, Entry>();
  /** Where each subscriber is: its registration may have changed since, it is an object of the user. */
  readonly #subscriptions = new Map<Subscriber, Subscription>();
  #queue: Delivery[] = [];
  #flushing = false;
  #closed = false;

  constructor(options: HubOptions) {
    this.#options = options;
  }

  subscribe(key: string, registration: unknown, subscriber: Subscriber): void {
    const known = this.#entries.get(key);
    if (!known) {
      const entry: Entry = { key, registration, subscriptions: [], version: 0, last: undefined, linger: undefined };
      this.#entries.set(key, entry);
      this.#add(entry, subscriber);
      this.#options.source.open(key, registration);
      return;
    }
    this.#options.clock.clearTimeout(known.linger);
    known.linger = undefined;
    const subscription = this.#add(known, subscriber);
    if (known.last && this.#options.isBroadcast) {
      this.#enqueue({ entry: known, version: known.version, payload: known.last, only: subscription });
    }
  }

  unsubscribe(subscriber: Subscriber): void {
    const subscription = this.#subscriptions.get(subscriber);
    if (!subscription) return;
    this.#remove(subscription);
    const { entry } = subscription;
    if (entry.subscriptions.length > 0) return;
    if (this.#options.lingerMs === 0) {
      this.#abandon(entry);
      return;
    }
    entry.linger = this.#options.clock.setTimeout(() => {
      this.#abandon(entry);
    }, this.#options.lingerMs);
    entry.linger.unref();
  }

  /** A new value of a key, from the source. */
  push(key: string, payload: Buffer): void {
    const entry = this.#entries.get(key);
    if (!entry || this.#closed) return;
    entry.version++;
    entry.last = payload;
    this.#enqueue({ entry, version: entry.version, payload, only: undefined });
  }

  /** The source was replaced by one that knows nothing: opens every key again. */
  reopen(): void {
    for (const [key, entry] of this.#entries) this.#options.source.open(key, entry.registration);
  }

  /** Nothing is delivered after it. */
  close(): void {
    this.#closed = true;
    this.#queue = [];
    for (const entry of this.#entries.values()) this.#options.clock.clearTimeout(entry.linger);
    this.#entries.clear();
    this.#subscriptions.clear();
  }

  #add(entry: Entry, subscriber: Subscriber): Subscription {
    const former = this.#subscriptions.get(subscriber);
    if (former) this.#remove(former);
    const subscription: Subscription = { subscriber, entry, seen: 0 };
    entry.subscriptions.push(subscription);
    this.#subscriptions.set(subscriber, subscription);
    return subscription;
  }

  #remove(subscription: Subscription): void {
    const { subscriber, entry } = subscription;
    this.#subscriptions.delete(subscriber);
    entry.subscriptions.splice(entry.subscriptions.indexOf(subscription), 1);
    subscription.seen = EVERYTHING;
  }

  #abandon({ key, registration }: Entry): void {
    if (this.#options.source.close(key, registration)) this.#entries.delete(key);
  }

  #enqueue(delivery: Delivery): void {
    this.#queue.push(delivery);
    if (this.#flushing) return;
    this.#flushing = true;
    // A promise, because a user's fake timers do not stop promises.
    void Promise.resolve().then(() => {
      this.#flush();
    });
  }

  #flush(): void {
    // What subscribers cause while they run is for the next flush.
    const queue = this.#queue;
    this.#queue = [];
    this.#flushing = false;
    for (const { entry, version, payload, only } of queue) {
      const single = only ?? (entry.subscriptions.length === 1 ? entry.subscriptions[0] : undefined);
      if (single) deliver(single, version, payload);
      else for (const subscription of this.#receivers(entry)) deliver(subscription, version, payload);
    }
  }

  #receivers({ subscriptions }: Entry): readonly Subscription[] {
    if (subscriptions.length <= 1 || this.#options.isBroadcast) return subscriptions.slice(); // it may change meanwhile
    return [subscriptions[Math.floor(Math.random() * subscriptions.length)]!];
  }
}

function deliver(subscription: Subscription, version: number, payload: Buffer): void {
  if (subscription.seen >= version) return; // left meanwhile, or has it from a replay
  subscription.seen = version;
  subscription.subscriber.deliver(payload);
}
