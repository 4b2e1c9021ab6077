// The subscriptions that the upstream client has, by key, with a lane for each key. Single (single.ts) says which keys are
// wanted.

import { KeyLane, type LaneSource, type KeyHooks } from './key-lane';
import type { OpenKey } from '../subscription-hub';
import type { Upstream } from './upstream';
import { markHandled } from './upstream-method';

type Key = OpenKey<SubscriptionLane>;
export type SubscriptionLane = KeyLane<Wish>;

interface Wish {
  readonly key: Key;
  /** The last listener that the upstream client was given: each try gets a new listener. */
  listener: ((value: unknown) => void) | undefined;
}

export class UpstreamSubscriptions {
  readonly #upstream: Upstream;
  readonly #source: LaneSource<Wish>;
  /** Lanes of keys that nobody wants any more, as long as a verb of the key is under way. */
  readonly #leaving = new Map<string, SubscriptionLane>();

  /** @param onValue gets the values of keys that are wanted */
  constructor(upstream: Upstream, hooks: KeyHooks, onValue: (key: Key, value: unknown) => void) {
    this.#upstream = upstream;
    this.#source = {
      clock: hooks.clock,
      endsFirst: true,
      ask: (verb, wish, lane) => {
        const { registration } = wish.key;
        if (verb === 'end') return upstream.ask('unSubscribe', [registration, wish.listener]);
        // An upstream client that refused the subscription, was told to stop, or is gone may still push.
        const listener = (value: unknown): void => {
          markHandled(value); // a class that forgot an `await` pushes a promise, which is refused as a value
          if (wish.listener === listener && lane.isInForce(wish)) onValue(wish.key, value);
        };
        wish.listener = listener;
        return upstream.ask('subscribe', [registration, listener]);
      },
      refused: (verb, key, error, retryMs) => hooks.refused(verb === 'begin' ? 'subscribe' : 'unSubscribe', key, error, retryMs),
      overtaken: (verb, key) => {
        hooks.overtaken(verb === 'end' ? 'unSubscribe' : 'subscribe', key);
      },
      idle: (lane) => {
        if (this.#leaving.get(lane.key) === lane) this.#leaving.delete(lane.key);
      },
    };
  }

  /** Opens a key; without effect when the key is open already. */
  open(key: Key): void {
    if (key.state) return;
    key.state = this.#leaving.get(key.key) ?? new KeyLane(key.key, this.#source);
    this.#leaving.delete(key.key);
    key.state.want({ key, listener: undefined });
  }

  /** @returns false when the upstream client cannot be told */
  close(key: Key): boolean {
    const lane = key.state;
    if (!lane) return true;
    if (!this.#upstream.has('unSubscribe')) return false;
    key.state = undefined;
    this.#leaving.set(key.key, lane);
    lane.want(undefined);
    return true;
  }

  /** The upstream client is gone: the next client is asked for every open key anew. */
  forget(open: Iterable<Key>): void {
    for (const key of open) {
      key.state?.forget();
      key.state = undefined;
    }
    for (const lane of this.#leaving.values()) lane.forget();
    this.#leaving.clear();
  }
}
