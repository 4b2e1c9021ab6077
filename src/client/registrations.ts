// What this process has asked of the channel, independent of terms: it is replayed into every new role.

import type { Patience } from '../time';
import type { Subscriber, Verbs } from '../roles/role';

export type Listener = (value: unknown) => unknown;

export interface Subscription extends Subscriber {
  readonly registration: unknown;
  readonly listener: Listener;
  /** Runs until the first value, when `subscribeTimeout` is set. */
  patience: Patience | undefined;
}

interface Publication {
  readonly registration: unknown;
  /** Whether some leader has had it before: then the next one only needs it if it is new to it. */
  sent: boolean;
}

export class Registrations {
  readonly #subscriptions = new Map<string, Subscription[]>();
  readonly #publications = new Map<string, Publication>();

  subscribe(key: string, subscription: Subscription, verbs: Verbs | undefined): void {
    const others = this.#subscriptions.get(key);
    if (others) others.push(subscription);
    else this.#subscriptions.set(key, [subscription]);
    verbs?.subscribe(subscription.registration, subscription, key);
  }

  /** @param listener undefined: every listener of the key */
  unsubscribe(key: string, listener: Listener | undefined, verbs: Verbs | undefined): void {
    const all = this.#subscriptions.get(key) ?? [];
    const staying = listener ? all.filter((subscription) => subscription.listener !== listener) : [];
    if (staying.length > 0) this.#subscriptions.set(key, staying);
    else this.#subscriptions.delete(key);
    for (const subscription of all) {
      if (staying.includes(subscription)) continue;
      subscription.patience?.cancel();
      verbs?.unsubscribe(subscription);
    }
  }

  publish(key: string, registration: unknown, verbs: Verbs | undefined): void {
    this.#publications.set(key, { registration, sent: verbs !== undefined });
    verbs?.publish(registration, { replay: false });
  }

  unpublish(key: string): void {
    this.#publications.delete(key);
  }

  /** @param onError gets what cannot be asked, e.g. a publication that cannot be encoded */
  replay(verbs: Verbs, onError: (error: unknown) => void): void {
    const attempt = (action: () => void): void => {
      try {
        action();
      } catch (error) {
        onError(error);
      }
    };
    for (const subscriptions of this.#subscriptions.values()) {
      for (const subscription of subscriptions) attempt(() => verbs.subscribe(subscription.registration, subscription));
    }
    for (const publication of this.#publications.values()) {
      attempt(() => verbs.publish(publication.registration, { replay: publication.sent }));
      publication.sent = true;
    }
  }

  clear(): void {
    for (const subscriptions of this.#subscriptions.values()) for (const { patience } of subscriptions) patience?.cancel();
    this.#subscriptions.clear();
    this.#publications.clear();
  }
}
