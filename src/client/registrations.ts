// What this process has asked of the channel, independent of terms: all requests are replayed into every new role.

import { AsyncResource } from 'node:async_hooks';
import { TrunklineError } from '../errors';
import type { Patience } from '../time';
import type { Subscriber, Subscription, Verbs, Wanted } from '../roles/role';

export type ValueListener = (value: unknown) => unknown;

/** A listener that the user has subscribed. */
export class ListenerEntry implements Subscriber {
  /** A snapshot of the registration. */
  readonly registration: unknown;
  readonly listener: ValueListener;
  /** Runs until the first value, when `subscribeTimeout` is set. */
  patience: Patience | undefined;
  /** The subscription in the present role. */
  subscription: Subscription | undefined;
  /** Whether the user has taken the listener back, or the client is closed. */
  isOver = false;
  /** The last value of the previous role, until the present role gives one. */
  lastBefore: Buffer | undefined;
  /** Called once, when the subscription is over. */
  onOver: (() => void) | undefined;
  #hasValue = false;
  #onFirst: { readonly resolve: () => void; readonly reject: (error: Error) => void } | undefined;
  /**
   * Values come in the context of a socket or of the upstream client; listeners must see the AsyncLocalStorage context of the
   * `subscribe` call. AsyncResource.bind would do the same, at 2.8 KB instead of 80 bytes a listener on Node.js 20.
   */
  readonly #context = new AsyncResource('TrunklineListener', { requireManualDestroy: true });
  readonly #deliver: (listener: ValueListener, payload: Buffer) => void;

  constructor(registration: unknown, listener: ValueListener, deliver: (listener: ValueListener, payload: Buffer) => void) {
    this.registration = registration;
    this.listener = listener;
    this.#deliver = deliver;
  }

  deliver(payload: Buffer): void {
    this.patience?.cancel();
    this.lastBefore = undefined;
    this.#context.runInAsyncScope(this.#deliver, undefined, this.listener, payload);
    this.#noteValue();
  }

  /**
   * Enters the context once for all of the values: the engine compiles the way of a value several times while the first thousands
   * go by, each time with all that lies behind it, and entering a context is a third of that.
   */
  deliverAll(payloads: readonly Buffer[]): void {
    this.patience?.cancel();
    this.lastBefore = undefined;
    this.#context.runInAsyncScope(this.#deliverEach, this, payloads);
    this.#noteValue();
  }

  #deliverEach(payloads: readonly Buffer[]): void {
    // A listener may take itself back.
    for (let i = 0; i < payloads.length && !this.isOver; i++) this.#deliver(this.listener, payloads[i]!);
  }

  #noteValue(): void {
    if (this.#hasValue) return;
    this.#hasValue = true;
    this.#onFirst?.resolve();
  }

  /** Resolves when a value has come; rejects when the subscription is over before. To be called once. */
  firstValue(): Promise<void> {
    if (this.#hasValue) return Promise.resolve();
    if (this.isOver) return Promise.reject(noValue());
    return new Promise((resolve, reject) => {
      this.#onFirst = { resolve, reject };
    });
  }

  /** Nothing is delivered from this call on. */
  end(): void {
    if (this.isOver) return;
    this.isOver = true;
    this.patience?.cancel();
    if (!this.#hasValue) this.#onFirst?.reject(noValue());
    this.onOver?.();
  }
}

function noValue(): TrunklineError {
  return new TrunklineError('ERR_TRUNKLINE_CLOSED', 'the subscription has ended before its first value came; subscribe again');
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
  /** Roles that run calls which take a publication back, by key: a publication in another role must not overtake such a call. */
  readonly #takingBack = new Map<string, Verbs[]>();
  readonly #present: () => Verbs | undefined;
  readonly #onError: (error: unknown) => void;

  /**
   * @param present gives the verbs of the present role, if there is one
   * @param onError gets what cannot be asked, e.g. a publication that cannot be encoded
   */
  constructor(present: () => Verbs | undefined, onError: (error: unknown) => void) {
    this.#present = present;
    this.#onError = onError;
  }

  /** How many keys this process subscribes and publishes. */
  get counts(): { readonly subscriptions: number; readonly publications: number } {
    return { subscriptions: this.#listeners.size, publications: this.#publications.size };
  }

  /** Every key that has a listener. */
  *wanted(): Generator<Wanted> {
    for (const [key, [first]] of this.#listeners) if (first) yield { key, registration: first.registration };
  }

  subscribe(key: string, entry: ListenerEntry, verbs: Verbs | undefined): void {
    const others = this.#listeners.get(key);
    if (others) others.push(entry);
    else this.#listeners.set(key, [entry]);
    if (verbs) ask(entry, verbs, key);
  }

  /** @param listener undefined: every listener of the key */
  unsubscribe(key: string, listener: ValueListener | undefined, verbs: Verbs | undefined): void {
    this.#end(key, verbs, (entry) => !listener || entry.listener === listener);
  }

  /** Ends a single subscription; without effect when it is over already. */
  remove(key: string, removed: ListenerEntry, verbs: Verbs | undefined): void {
    if (!removed.isOver) this.#end(key, verbs, (entry) => entry === removed);
  }

  #end(key: string, verbs: Verbs | undefined, isMeant: (entry: ListenerEntry) => boolean): void {
    const all = this.#listeners.get(key) ?? [];
    const staying = all.filter((entry) => !isMeant(entry));
    if (staying.length > 0) this.#listeners.set(key, staying);
    else this.#listeners.delete(key);
    for (const entry of all) {
      if (!isMeant(entry)) continue;
      if (entry.subscription) verbs?.unsubscribe(entry.subscription);
      entry.end();
    }
  }

  /** The newest value of a key that is subscribed; undefined when the key is not subscribed, or has no value yet. */
  latest(key: string, verbs: Verbs | undefined): Buffer | undefined {
    const [first] = this.#listeners.get(key) ?? [];
    return first && (verbs?.latest(key) ?? first.lastBefore);
  }

  /** A role is over: keeps the values that are served until the next role gives newer values. */
  keepValues(verbs: Verbs): void {
    for (const [key, entries] of this.#listeners) {
      const value = verbs.latest(key) ?? entries[0]!.lastBefore;
      for (const entry of entries) entry.lastBefore = value; // any of them may be taken back before the next role
    }
  }

  publish(key: string, registration: unknown, present: Verbs | undefined): void {
    const verbs = present && this.#isHeldBack(key, present) ? undefined : present;
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
   * @param key undefined: the call takes nothing back
   * @returns to be called once, when the call has been made, or cannot be made
   */
  holdBack(key: string | undefined): () => void {
    if (key === undefined) return NOTHING;
    this.#held.set(key, (this.#held.get(key) ?? 0) + 1);
    return () => {
      const others = (this.#held.get(key) ?? 1) - 1;
      if (others > 0) this.#held.set(key, others);
      else this.#held.delete(key);
      this.#catchUp(key);
    };
  }

  /**
   * A call that takes a publication back is made. Publications in the same role follow this call. The next role has another upstream client,
   * so publications in that role wait until the call has ended.
   * @param key undefined: the call takes nothing back
   * @param verbs of the role that runs the call
   * @returns to be called once, when the call has ended
   */
  takeBack(key: string | undefined, verbs: Verbs): () => void {
    if (key === undefined) return NOTHING;
    this.#takingBack.set(key, [...(this.#takingBack.get(key) ?? []), verbs]);
    return () => {
      const all = this.#takingBack.get(key) ?? [];
      const others = all.filter((_, index) => index !== all.indexOf(verbs));
      if (others.length > 0) this.#takingBack.set(key, others);
      else this.#takingBack.delete(key);
      if (this.#present() !== verbs) this.#catchUp(key);
    };
  }

  replay(verbs: Verbs): void {
    // Subscriptions of the previous role mean nothing to this role.
    for (const entries of this.#listeners.values()) for (const entry of entries) entry.subscription = undefined;
    for (const entries of this.#listeners.values()) {
      for (const entry of entries) {
        // Events of the upstream client reach the user during this loop: some entries are new by now, or taken back.
        if (!entry.subscription && !entry.isOver) this.#attempt(() => ask(entry, verbs));
      }
    }
    for (const [key, publication] of this.#publications) if (!this.#isHeldBack(key, verbs)) this.#repeat(publication, verbs);
  }

  clear(): void {
    const entries = [...this.#listeners.values()].flat();
    this.#listeners.clear();
    for (const entry of entries) entry.end();
    this.#publications.clear();
    this.#held.clear();
    this.#takingBack.clear();
  }

  #isHeldBack(key: string, present: Verbs): boolean {
    return this.#held.has(key) || (this.#takingBack.get(key)?.some((verbs) => verbs !== present) ?? false);
  }

  /** Publishes what was held back, unless something else still holds it back. */
  #catchUp(key: string): void {
    const publication = this.#publications.get(key);
    const present = this.#present();
    if (publication && present && !this.#isHeldBack(key, present)) this.#repeat(publication, present);
  }

  #repeat(publication: Publication, verbs: Verbs): void {
    this.#attempt(() => {
      verbs.publish(publication.registration, { replay: publication.sent });
    });
    publication.sent = true;
  }

  #attempt(action: () => void): void {
    try {
      action();
    } catch (error) {
      this.#onError(error);
    }
  }
}

const NOTHING = (): void => undefined;

function ask(entry: ListenerEntry, verbs: Verbs, key?: string): void {
  const subscription = verbs.subscribe(entry.registration, entry, key);
  if (entry.isOver) verbs.unsubscribe(subscription);
  else entry.subscription = subscription;
}
