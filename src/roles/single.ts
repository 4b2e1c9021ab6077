// A channel whose upstream client lives in this process: hub and publications over the upstream client, no network.
// Single mode is just this; a leader is this plus a listener. Each consumer (a client of this process, a connected
// follower) works through a session of its own, so that whatever it asked for goes when it goes.

import type { CallStyle } from '../../protocol/message';
import { EVENT_ROOM } from '../../protocol/v2';
import { TrunklineError } from '../errors';
import { Backoff, type Timer } from '../time';
import { PublicationLedger } from './publication-ledger';
import {
  LINGER_MS,
  type ChannelSpec,
  type PublishOptions,
  type RoleHooks,
  type Subscriber,
  type Subscription,
  type Verbs,
} from './role';
import { SubscriptionHub, type OpenKey } from './subscription-hub';
import { Upstream } from './upstream';

/** A subscription that the upstream client refused is asked for again after this time, growing, ms. */
const RESUBSCRIBE_MIN_MS = 500;
const RESUBSCRIBE_MAX_MS = 30_000;

/** What the present upstream client was asked for; kept with its key. */
interface UpstreamSubscription {
  readonly listener: (value: unknown) => void;
  retry: Timer | undefined;
  /** False when the upstream client was replaced, was told to stop, or is asked again. */
  isCurrent: boolean;
}

export class Single {
  readonly spec: ChannelSpec;
  // The three parts that sessions work on.
  readonly hub: SubscriptionHub<UpstreamSubscription>;
  readonly ledger: PublicationLedger;
  readonly upstream: Upstream;

  /** Each session, and what undoes its attachments to the live upstream client. */
  readonly #sessions = new Map<Session, () => void>();
  #client: object | undefined;
  #setback: { readonly error: unknown } | undefined;
  #awaitingReady: (() => void)[] = [];
  #started = false;
  #areKeysHeld = false;
  #closing: Promise<void> | undefined;

  constructor(spec: ChannelSpec) {
    this.spec = spec;
    this.ledger = new PublicationLedger(spec.clock, (registration) => {
      this.ask('unPublish', registration);
    });
    this.hub = new SubscriptionHub({
      source: {
        open: (key) => {
          if (this.upstream.isReady && !this.#areKeysHeld) this.#subscribeUpstream(key);
        },
        close: (key) => this.#unsubscribeUpstream(key),
      },
      isBroadcast: spec.isBroadcast,
      lingerMs: LINGER_MS,
      clock: spec.clock,
    });
    this.upstream = new Upstream(spec, {
      onCreated: (client) => this.#onCreated(client),
      onReady: () => {
        this.#onReady();
      },
      onSetback: (error) => {
        this.#setback = { error };
        for (const session of this.#sessions.keys()) session.hooks.onSetback(error);
      },
    });
  }

  /** Why the upstream client is not ready; undefined when it is, or while the first try is under way. */
  get setback(): { readonly error: unknown } | undefined {
    return this.#setback;
  }

  /** Resolves when the upstream client is ready: at once, or the next time. */
  get ready(): Promise<void> {
    if (this.upstream.isReady) return Promise.resolve();
    return new Promise((resolve) => {
      this.#awaitingReady.push(resolve);
    });
  }

  /** Idempotent. */
  start(): void {
    if (this.#started) return;
    this.#started = true;
    this.upstream.start();
  }

  /** The upstream client is asked for no key until `releaseKeys`. */
  holdKeys(): void {
    this.#areKeysHeld = true;
  }

  releaseKeys(): void {
    this.#areKeysHeld = false;
    if (this.upstream.isReady) this.hub.reopen();
  }

  join(hooks: RoleHooks): Session {
    const session = new Session(this, hooks);
    this.#sessions.set(session, this.#client ? hooks.onUpstream(this.#client) : () => undefined);
    if (this.#setback) hooks.onSetback(this.#setback.error);
    return session;
  }

  leave(session: Session): void {
    this.#sessions.get(session)?.();
    this.#sessions.delete(session);
    this.ledger.disown(session);
  }

  /** Asks something of the upstream client whose outcome nobody waits for. */
  ask(verb: 'publish' | 'unPublish' | 'unSubscribe', ...args: unknown[]): void {
    if (!this.upstream.isReady) return; // publications are repeated when it is ready
    this.upstream.verb(verb, args, (error) => {
      this.#report(error);
    });
  }

  /** Closes the upstream client. Nothing is delivered after it. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#forgetSubscriptions();
    this.hub.close();
    this.ledger.close();
    try {
      await this.upstream.close();
    } catch (error) {
      this.#report(error);
    }
  }

  #onCreated(client: object): () => void {
    this.#client = client;
    for (const session of this.#sessions.keys()) this.#sessions.set(session, session.hooks.onUpstream(client));
    return () => {
      this.#client = undefined;
      for (const detach of this.#sessions.values()) detach();
    };
  }

  #onReady(): void {
    this.#setback = undefined;
    this.#forgetSubscriptions();
    this.hub.reopen();
    for (const registration of this.ledger.registrations()) this.ask('publish', registration);
    for (const resolve of this.#awaitingReady.splice(0)) resolve();
    for (const session of this.#sessions.keys()) session.hooks.onReady();
  }

  /** @param backoff of the tries before this one */
  #subscribeUpstream(key: OpenKey<UpstreamSubscription>, backoff?: Backoff): void {
    if (key.state) key.state.isCurrent = false;
    const subscription: UpstreamSubscription = {
      // An upstream client that was replaced, or was told to stop, may still push.
      listener: (value) => {
        if (subscription.isCurrent) this.#push(key, value);
      },
      retry: undefined,
      isCurrent: true,
    };
    key.state = subscription;
    this.upstream.verb('subscribe', [key.registration, subscription.listener], (error) => {
      if (!subscription.isCurrent) return;
      this.#report(error);
      const tries = backoff ?? new Backoff(RESUBSCRIBE_MIN_MS, RESUBSCRIBE_MAX_MS);
      subscription.retry = this.spec.clock.setTimeout(() => {
        if (subscription.isCurrent) this.#subscribeUpstream(key, tries);
      }, tries.nextMs());
      subscription.retry.unref();
    });
  }

  #unsubscribeUpstream(key: OpenKey<UpstreamSubscription>): boolean {
    const subscription = key.state;
    if (!subscription) return true;
    // Without a ready client there is nobody to tell: the next one is not asked for the key.
    if (this.upstream.isReady && !this.upstream.has('unSubscribe')) return false;
    this.spec.clock.clearTimeout(subscription.retry);
    key.state = undefined;
    subscription.isCurrent = false;
    this.ask('unSubscribe', key.registration, subscription.listener);
    return true;
  }

  #forgetSubscriptions(): void {
    for (const key of this.hub.keys()) {
      if (!key.state) continue;
      this.spec.clock.clearTimeout(key.state.retry);
      key.state.isCurrent = false;
      key.state = undefined;
    }
  }

  #push(key: OpenKey<UpstreamSubscription>, value: unknown): void {
    let payload: Buffer;
    try {
      payload = this.spec.values.encode(value, EVENT_ROOM);
    } catch (cause) {
      this.#report(
        new TrunklineError(
          'ERR_TRUNKLINE_NOT_ENCODABLE',
          `${this.spec.name}: the upstream client pushed a value that cannot be encoded: ${(cause as Error).message}; its subscribers keep the one before`,
          { channel: this.spec.name, key: key.key, cause },
        ),
      );
      return;
    }
    this.hub.push(key, payload);
  }

  #report(error: unknown): void {
    for (const session of this.#sessions.keys()) session.hooks.onError(error);
  }
}

/** What one consumer has asked of a Single. */
export class Session implements Verbs {
  readonly hooks: RoleHooks;
  readonly #single: Single;
  readonly #subscriptions = new Set<Subscription>();
  #isSilent = false;
  #left = false;

  constructor(single: Single, hooks: RoleHooks) {
    this.#single = single;
    this.hooks = hooks;
  }

  subscribe(registration: unknown, subscriber: Subscriber, key = this.#single.spec.formatKey(registration)): Subscription {
    if (this.#isSilent) return { subscriber };
    const subscription = this.#single.hub.subscribe(key, registration, subscriber);
    if (this.#left)
      this.#single.hub.unsubscribe(subscription); // while the upstream client was asked
    else this.#subscriptions.add(subscription);
    return subscription;
  }

  unsubscribe(subscription: Subscription): void {
    if (this.#subscriptions.delete(subscription)) this.#single.hub.unsubscribe(subscription);
  }

  /** Delivers nothing from this call on; calls and publications go on. Idempotent. */
  silence(): void {
    this.#isSilent = true;
    for (const subscription of this.#subscriptions) this.#single.hub.unsubscribe(subscription);
    this.#subscriptions.clear();
  }

  publish(registration: unknown, { replay }: PublishOptions): void {
    const { ledger, spec } = this.#single;
    const isNews = ledger.add(spec.formatKey(registration), registration, this);
    if (isNews || !replay) this.#single.ask('publish', registration);
  }

  call(method: string, args: readonly unknown[], style: CallStyle | undefined): Promise<unknown[]> {
    return new Promise((resolve, reject) => {
      const ran = this.run(method, args, style, resolve, reject);
      // Changes nothing any more. But it leads from the method to this promise, so that the stack of a failure shows who awaits it.
      void ran?.then(resolve as never, reject);
    });
  }

  /** `call` without a promise of its own. Either of the two is called, once, perhaps before this returns. */
  run(
    method: string,
    args: readonly unknown[],
    style: CallStyle | undefined,
    resolve: (values: unknown[]) => void,
    reject: (error: unknown) => void,
  ): Promise<void> | undefined {
    const { ledger, spec, upstream } = this.#single;
    if (!spec.callable.has(method)) {
      const message = `${spec.name}: ${method} is not delegated by the leader; delegate it in every process`;
      reject(new TrunklineError('ERR_TRUNKLINE_UNKNOWN_METHOD', message, { channel: spec.name, method }));
      return undefined;
    }
    if (method === spec.methods.unPublish) ledger.remove(spec.formatKey(args[0]), this);
    return upstream.run(method, args, style, resolve, reject);
  }

  notify(method: string, args: readonly unknown[]): void {
    this.call(method, args, 'promise').catch((error: unknown) => {
      this.hooks.onError(error);
    });
  }

  /** Withdraws all that this consumer has asked for. Idempotent. */
  leave(): void {
    if (this.#left) return;
    this.#left = true;
    this.silence();
    this.#single.leave(this);
  }
}
