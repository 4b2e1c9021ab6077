// What this process has asked of the channel, independent of terms: all requests are replayed into every new role.

import { AsyncResource } from 'node:async_hooks';
import type { Patience } from '../time';
import type { Subscriber, Subscription, Verbs } from '../roles/role';

export type Listener = (value: unknown) => unknown;

/** A listener that the user has subscribed. */
export class ListenerEntry implements Subscriber {
  /** A snapshot of the registration. */
  readonly registration: unknown;
  readonly listener: Listener;
  /** Runs until the first value, when `subscribeTimeout` is set. */
  patience: Patience | undefined;
  /** The subscription in the present role. */
  subscription: Subscription | undefined;
  /** Whether the user has taken the listener back. */
  isOver = false;
  /**
   * Values come in the context of a socket or of the upstream client; listeners must see the AsyncLocalStorage context of the
   * `subscribe` call. AsyncResource.bind would do the same, at 2.8 KB instead of 80 bytes a listener on Node.js 20.
   */
  readonly #context = new AsyncResource('TrunklineListener', { requireManualDestroy: true });
  readonly #deliver: (listener: Listener, payload: Buffer) => void;

  constructor(registration: unknown, listener: Listener, deliver: (listener: Listener, payload: Buffer) => void) {
    this.registration = registration;
    this.listener = listener;
    this.#deliver = deliver;
  }

  deliver(payload: Buffer): void {
    this.patience?.cancel();
    this.#context.runInAsyncScope(this.#deliver, undefined, this.listener, payload);
  }
}

interface Publication {
  /** A snapshot of the registration. */
  readonly registration: unknown;
  /** Whether some leader has received the publication before: the next leader needs only publications that are new there. */
  sent: boolean;
}

export class Registrations {
  readonly #listeners = new Map<string, ListenerEntry[]>();
  readonly #publications = new Map<string, Publication>();
  /**
   * Keys that running calls are about to take back, and how many calls: publications after such a call must not overtake the
   * call.
   */
  readonly #held = new Map<string, number>();

  subscribe(key: string, entry: ListenerEntry, verbs: Verbs | undefined): void {
    const others = this.#listeners.get(key);
    if (others) others.push(entry);
    else this.#listeners.set(key, [entry]);
    if (verbs) ask(entry, verbs, key);
  }

  /** @param listener undefined: every listener of the key */
  unsubscribe(key: string, listener: Listener | undefined, verbs: Verbs | undefined): void {
    const all = this.#listeners.get(key) ?? [];
    const staying = listener ? all.filter((entry) => entry.listener !== listener) : [];
    if (staying.length > 0) this.#listeners.set(key, staying);
    else this.#listeners.delete(key);
    for (const entry of all) {
      if (staying.includes(entry)) continue;
      entry.isOver = true;
      entry.patience?.cancel();
      if (entry.subscription) verbs?.unsubscribe(entry.subscription);
    }
  }

  publish(key: string, registration: unknown, present: Verbs | undefined): void {
    const verbs = this.#held.has(key) ? undefined : present;
    const before = this.#publications.get(key);
    this.#publications.set(key, { registration, sent: verbs !== undefined });
    try {
      verbs?.publish(registration, { replay: false });
    } catch (error) {
      // The caller gets the error, so the publication does not stand: the next leader must not get what was refused here.
      if (before) this.#publications.set(key, before);
      else this.#publications.delete(key);
      throw error;
    }
  }

  unpublish(key: string): void {
    this.#publications.delete(key);
  }

  /**
   * A call that takes a publication back may have to wait for a role. Later publications wait for this call.
   * @param onError gets errors of held publications
   * @returns to be called once, when the call has been made, with the verbs of the present role, or when the call cannot be made
   */
  holdBack(key: string, onError: (error: unknown) => void): (verbs: Verbs | undefined) => void {
    this.#held.set(key, (this.#held.get(key) ?? 0) + 1);
    return (verbs) => {
      const others = (this.#held.get(key) ?? 1) - 1;
      if (others > 0) this.#held.set(key, others);
      else this.#held.delete(key);
      const publication = this.#publications.get(key);
      if (others === 0 && publication && verbs) repeat(publication, verbs, onError);
    };
  }

  /** @param onError gets what cannot be asked, e.g. a publication that cannot be encoded */
  replay(verbs: Verbs, onError: (error: unknown) => void): void {
    // Subscriptions of the previous role mean nothing to this role.
    for (const entries of this.#listeners.values()) for (const entry of entries) entry.subscription = undefined;
    for (const entries of this.#listeners.values()) {
      for (const entry of entries) {
        // Events of the upstream client reach the user during this loop: some entries are new by now, or taken back.
        if (!entry.subscription && !entry.isOver) attempt(() => ask(entry, verbs), onError);
      }
    }
    for (const [key, publication] of this.#publications) if (!this.#held.has(key)) repeat(publication, verbs, onError);
  }

  clear(): void {
    for (const entries of this.#listeners.values()) for (const { patience } of entries) patience?.cancel();
    this.#listeners.clear();
    this.#publications.clear();
    this.#held.clear();
  }
}

function repeat(publication: Publication, verbs: Verbs, onError: (error: unknown) => void): void {
  attempt(() => verbs.publish(publication.registration, { replay: publication.sent }), onError);
  publication.sent = true;
}

function attempt(action: () => void, onError: (error: unknown) => void): void {
  try {
    action();
  } catch (error) {
    onError(error);
  }
}

function ask(entry: ListenerEntry, verbs: Verbs, key?: string): void {
  const subscription = verbs.subscribe(entry.registration, entry, key);
  if (entry.isOver) verbs.unsubscribe(subscription);
  else entry.subscription = subscription;
}
