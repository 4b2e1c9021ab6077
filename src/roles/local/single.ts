// A channel whose upstream client lives in this process: hub and publications over the upstream client, no network. Single mode
// is just this; a leader is this plus a listener. Each consumer (a client of this process, a connected follower) works through a
// separate session, and all requests of the consumer end with the session.

import { isError, messageOf, safeString } from '../../../protocol/error-value';
import { EVENT_ROOM } from '../../../protocol/v2';
import { TrunklineError } from '../../errors';
import { fleetStamp, fleetViewOf, type FleetView } from '../../fleet-view';
import { MAX_KEYS, type LedReport } from '../../process-report';
import { eventChannel } from '../../telemetry';
import { VERB_MS, type KeyHooks, type KeyVerb } from './key-lane';
import { PublicationLedger } from './publication-ledger';
import { LINGER_MS, type ChannelSpec } from '../role';
import { Session, type SessionHooks } from './session';
import { SubscriptionHub, type OpenKey } from '../subscription-hub';
import type { UpstreamStanding } from '../upstream-standing';
import { Upstream } from './upstream';
import { UpstreamHealth } from './upstream-health';
import { UpstreamPublications } from './upstream-publications';
import { UpstreamSubscriptions, type SubscriptionLane } from './upstream-subscriptions';

/** Whether the channel can be served now. */
export interface ChannelReadiness {
  readonly isReady: boolean;
  /** Why not; undefined when ready, or while the first try is under way. */
  readonly setback: { readonly error: unknown } | undefined;
}

/** The number of the last Single of this process. */
let lastNumber = 0;

export class Single {
  readonly spec: ChannelSpec;
  // The parts that sessions work on.
  readonly hub: SubscriptionHub<SubscriptionLane>;
  readonly ledger: PublicationLedger;
  readonly publications: UpstreamPublications;
  readonly upstream: Upstream;

  readonly #subscriptions: UpstreamSubscriptions;

  /** Each session, with a function that undoes the session's attachments to the live upstream client. */
  readonly #sessions = new Map<Session, () => void>();
  #client: object | undefined;
  #setback: { readonly error: unknown } | undefined;
  readonly #number = ++lastNumber;
  readonly #health: UpstreamHealth;
  #awaitingReady: (() => void)[] = [];
  #started = false;
  #areKeysHeld = false;
  #arePublicationsHeld = false;
  #closing: Promise<void> | undefined;

  constructor(spec: ChannelSpec) {
    this.spec = spec;
    this.ledger = new PublicationLedger(spec.clock, (key) => {
      this.publications.withdraw(key);
    });
    this.hub = new SubscriptionHub({
      source: {
        open: (key) => {
          if (this.upstream.isReady && !this.#areKeysHeld) this.#subscriptions.open(key);
        },
        close: (key) => this.#subscriptions.close(key),
      },
      isBroadcast: spec.isBroadcast,
      lingerMs: LINGER_MS,
      clock: spec.clock,
    });
    this.#health = new UpstreamHealth(spec.name, spec.clock, () => {
      for (const session of this.#sessions.keys()) session.hooks.onUpstreamState?.();
    });
    this.upstream = new Upstream(spec, {
      onCreated: (client) => this.#onCreated(client),
      onReady: () => {
        this.#onReady();
      },
      onSetback: (error) => {
        this.#setback = { error };
        this.#health.failed(error);
        this.#forgetVerbs();
        for (const session of this.#sessions.keys()) session.hooks.onSetback(error);
      },
    });
    const hooks: KeyHooks = {
      clock: spec.clock,
      refused: (verb, key, error, retryMs) => this.#onRefused(verb, key, error, retryMs),
      overtaken: (verb, key) => {
        const next = 'the next one of this key does not wait for it any longer';
        spec.logger.warn(`${spec.name}: ${this.#nameOf(verb)} of ${key} has not finished in ${VERB_MS} ms; ${next}`);
      },
    };
    this.publications = new UpstreamPublications(this.upstream, hooks);
    this.#subscriptions = new UpstreamSubscriptions(this.upstream, hooks, (key, value) => {
      this.#push(key, value);
    });
  }

  /** How the upstream client stands. */
  get standing(): UpstreamStanding {
    return this.#health.standing;
  }

  /** How this host stands in a fleet, if the upstream client belongs to a fleet. */
  get fleet(): FleetView | undefined {
    return fleetViewOf(this.#client);
  }

  get readiness(): ChannelReadiness {
    return { isReady: this.upstream.isReady, setback: this.#setback };
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

  /** The upstream client is asked for no key until `release`. */
  holdKeys(): void {
    this.#areKeysHeld = true;
  }

  /** The upstream client gets no publication until `release`. */
  holdPublications(): void {
    this.#arePublicationsHeld = true;
  }

  release(): void {
    this.#areKeysHeld = false;
    this.#arePublicationsHeld = false;
    if (!this.upstream.isReady) return;
    this.hub.reopen();
    this.#publishAll();
  }

  /** Whether a publication can be given to the upstream client now; if not, it follows when it can. */
  get takesPublications(): boolean {
    return this.upstream.isReady && !this.#arePublicationsHeld;
  }

  join(hooks: SessionHooks): Session {
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

  /** Closes the upstream client. Nothing is delivered afterwards. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const closed = this.upstream.close();
    this.#forgetVerbs();
    this.hub.close();
    this.ledger.close();
    try {
      await closed;
    } catch (error) {
      this.#report(error);
    }
    this.#health.closed();
  }

  /** What is known of the channel here; a leader adds the followers. */
  report(withKeys: boolean): LedReport {
    const { hub, ledger } = this;
    return {
      id: this.#number,
      upstream: this.standing.view,
      fleet: this.fleet,
      followers: [],
      keys: withKeys ? hub.report(MAX_KEYS) : undefined,
      keyCount: hub.keyCount,
      publications: ledger.size,
      valuesFromUpstream: hub.received,
      skippedValues: 0,
    };
  }

  stamp(): string {
    const { hub, ledger, standing } = this;
    return [standing.view.state, standing.view.since, hub.keyCount, hub.received, ledger.size, fleetStamp(this.fleet)].join(' ');
  }

  #onCreated(client: object): () => void {
    this.#client = client;
    const forget = this.#health.created(client);
    for (const session of this.#sessions.keys()) this.#sessions.set(session, session.hooks.onUpstream(client));
    return () => {
      this.#client = undefined;
      forget();
      for (const detach of this.#sessions.values()) detach();
    };
  }

  #onReady(): void {
    this.#setback = undefined;
    this.#health.ready();
    this.hub.reopen();
    if (this.takesPublications) this.#publishAll();
    for (const resolve of this.#awaitingReady.splice(0)) resolve();
    for (const session of this.#sessions.keys()) session.hooks.onReady();
  }

  #publishAll(): void {
    for (const [key, registration] of this.ledger.registrations()) this.publications.publish(key, registration);
  }

  /** The upstream client is gone, and all subscriptions and publications there are gone too. */
  #forgetVerbs(): void {
    this.#subscriptions.forget(this.hub.keys());
    this.publications.forget();
  }

  /** Reports a refused verb to the clients of this process, and to the followers that have asked for the key. */
  #onRefused(verb: KeyVerb, key: string, cause: unknown, retryMs: number | undefined): Error {
    const { name: channel } = this.spec;
    const method = this.#nameOf(verb);
    const reason = isError(cause) ? cause.message : safeString(cause);
    const next = retryMs === undefined ? 'it is not tried again' : `it is tried again in ${Math.round(retryMs)} ms`;
    const error = new TrunklineError(
      'ERR_TRUNKLINE_UPSTREAM_REFUSED',
      `${channel}: the upstream client refused ${method} of ${key}: ${reason}; ${next}`,
      { channel, key, method, cause },
    );
    this.#report(error);
    if (verb === 'subscribe') for (const subscriber of this.hub.subscribersOf(key)) subscriber.refuse?.(error);
    if (verb === 'publish') {
      for (const session of this.ledger.ownersOf(key)) (session as Session).hooks.onPublicationRefused?.(key, error);
    }
    return error;
  }

  #nameOf(verb: KeyVerb): string {
    return this.spec.methods[verb] ?? verb;
  }

  #push(key: OpenKey<SubscriptionLane>, value: unknown): void {
    let payload: Buffer;
    try {
      payload = this.spec.values.encode(value, EVENT_ROOM);
    } catch (cause) {
      this.#report(
        new TrunklineError(
          'ERR_TRUNKLINE_NOT_ENCODABLE',
          `${this.spec.name}: the upstream client pushed a value that cannot be encoded: ${messageOf(cause)}; its subscribers keep the one before`,
          { channel: this.spec.name, key: key.key, cause },
        ),
      );
      return;
    }
    if (eventChannel.hasSubscribers)
      eventChannel.publish({ channel: this.spec.name, key: key.key, bytes: payload.length, from: 'upstream' });
    this.hub.push(key, payload);
  }

  #report(error: unknown): void {
    for (const session of this.#sessions.keys()) session.hooks.onError(error);
  }
}
