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

interface Entry {
  readonly registration: unknown;
  /** Each subscriber with the version it has seen. The same subscriber is there once. */
  readonly subscribers: Map<Subscriber, number>;
  /** Counts the values that came in. 0: none yet. */
  version: number;
  last: Buffer | undefined;
  linger: Timer | undefined;
}

interface Delivery {
  readonly entry: Entry;
  readonly version: number;
  readonly payload: Buffer;
  /** A replay for this subscriber. Undefined: for whoever is subscribed when its turn comes. */
  readonly only: Subscriber | undefined;
}

export class SubscriptionHub {
  readonly #options: HubOptions;
  readonly #entries = new Map<string, Entry>();
  /** Where each subscriber is: its registration may have changed since, it is an object of the user. */
  readonly #keys = new Map<Subscriber, string>();
  #queue: Delivery[] = [];
  #flushing = false;
  #closed = false;

  constructor(options: HubOptions) {
    this.#options = options;
  }

  subscribe(key: string, registration: unknown, subscriber: Subscriber): void {
    this.#keys.set(subscriber, key);
    const known = this.#entries.get(key);
    if (!known) {
      const entry: Entry = {
        registration,
        subscribers: new Map([[subscriber, 0]]),
        version: 0,
        last: undefined,
        linger: undefined,
      };
      this.#entries.set(key, entry);
      this.#options.source.open(key, registration);
      return;
    }
    this.#options.clock.clearTimeout(known.linger);
    known.linger = undefined;
    known.subscribers.set(subscriber, 0);
    if (known.last && this.#options.isBroadcast) {
      this.#enqueue({ entry: known, version: known.version, payload: known.last, only: subscriber });
    }
  }

  unsubscribe(subscriber: Subscriber): void {
    const key = this.#keys.get(subscriber);
    if (key === undefined) return;
    this.#keys.delete(subscriber);
    const entry = this.#entries.get(key);
    if (!entry?.subscribers.delete(subscriber) || entry.subscribers.size > 0) return;
    if (this.#options.lingerMs === 0) {
      this.#abandon(key, entry);
      return;
    }
    entry.linger = this.#options.clock.setTimeout(() => {
      this.#abandon(key, entry);
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
    this.#keys.clear();
  }

  #abandon(key: string, entry: Entry): void {
    if (this.#options.source.close(key, entry.registration)) this.#entries.delete(key);
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
      for (const subscriber of only ? [only] : this.#receivers(entry)) {
        const seen = entry.subscribers.get(subscriber);
        if (seen === undefined || seen >= version) continue; // left meanwhile, or has it from a replay
        entry.subscribers.set(subscriber, version);
        subscriber.deliver(payload);
      }
    }
  }

  #receivers({ subscribers }: Entry): Subscriber[] {
    const all = [...subscribers.keys()];
    return this.#options.isBroadcast ? all : all.splice(Math.floor(Math.random() * all.length), 1);
  }
}
