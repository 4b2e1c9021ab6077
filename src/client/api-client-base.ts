// A base class for clients with business logic (caches, defaults, friendlier methods) over a shared client. A subclass says what
// to share with three members: DataClient, delegates and clusterOptions.

import type { BaseOptions } from 'sdk-base';
import { TrunklineError } from '../errors';
import type { ClientOptions } from '../options';
import { isEnding } from '../seat';
import { defaultLogger } from '../logger';
import { nextTick } from '../time';
import { ClientBase } from './client-base';
import { cluster, type ClusterBuilder, close } from './cluster';
import type { DelegateOptions, DelegateTarget } from './delegation';
import { forwardEvents } from './forward-events';
import { CLOSE, SharedClient } from './shared-client';
import type { SharedClientOf } from './shared-type';
import type { UpstreamClass } from './upstream-class';
import { logUnheard } from './unheard-error';

/** What `delegates` gives: method → target, or target and options. */
export type Delegates = Record<string, DelegateTarget | (DelegateOptions & { to?: DelegateTarget })>;

export interface APIClientOptions extends BaseOptions {
  /** Replaces `cluster`, e.g. by `app.cluster` of a framework. */
  cluster?: ((upstreamClass: never, options?: never) => unknown) | undefined;
}

/**
 * @typeParam C the upstream class, e.g. `typeof RegistryClient`; when omitted, `_client` is not checked
 * @typeParam D what `delegates` gives, name → target, for the type of `_client`
 */
export class APIClientBase<
  C extends UpstreamClass = any, // eslint-disable-line @typescript-eslint/no-explicit-any -- see above
  D extends Record<string, DelegateTarget> = Record<never, never>,
> extends ClientBase {
  #client: SharedClientOf<C, D> | undefined;
  #closing: Promise<void> | undefined;

  /** @param options go to the constructor of DataClient, and are the options of sdk-base */
  constructor(options?: APIClientOptions) {
    super(options ?? {});
    // The client is not built here, because the class fields of the subclass do not exist yet. `_client` builds the client at
    // first use.
    nextTick(() => {
      // A subclass that declares `_client` as a field without `declare` has just hidden ours.
      if (Object.hasOwn(this, '_client') && (this as { _client: unknown })._client === undefined)
        Reflect.deleteProperty(this, '_client');
      if (this.#closing) return;
      try {
        this.#build();
      } catch (error) {
        this.ready(error as Error);
      }
    });
  }

  /** The shared client. */
  get _client(): SharedClientOf<C, D> {
    return this.#build();
  }

  /** Tests may put another client in place. */
  set _client(client: SharedClientOf<C, D>) {
    this.#client = client;
  }

  /** The upstream class. A subclass must define this property. */
  get DataClient(): C {
    throw new TrunklineError(
      'ERR_TRUNKLINE_OPTION_INVALID',
      `${this.constructor.name}: [APIClient] DataClient is required; define get DataClient()`,
    );
  }

  /** Options for `cluster()`. */
  get clusterOptions(): ClientOptions {
    return {};
  }

  /** What to share beyond the asynchronous methods, subscribe, unSubscribe and publish. */
  get delegates(): Delegates {
    return {};
  }

  get isClusterClientLeader(): boolean {
    return (this._client as unknown as { isClusterClientLeader: boolean }).isClusterClientLeader;
  }

  /** As `unref()` of the shared client: the process ends without this client when nothing else keeps it alive. */
  unref(): this {
    (this._client as unknown as Pick<SharedClient, 'unref'>).unref();
    return this;
  }

  /** Undoes `unref()`. */
  ref(): this {
    (this._client as unknown as Pick<SharedClient, 'ref'>).ref();
    return this;
  }

  override _defaultErrorHandler(error: unknown): void {
    logUnheard(this, error, this.clusterOptions.logger ?? defaultLogger);
  }

  override close(): Promise<void> {
    return this[CLOSE]();
  }

  [CLOSE](): Promise<void> {
    this.#closing ??= this.#shutDown();
    return this.#closing;
  }

  async #shutDown(): Promise<void> {
    const client = this.#client as { close?: () => Promise<void> } | undefined;
    if (client) {
      if (typeof client.close === 'function') await client.close();
      await close(client);
    }
    // The shared client has settled this readiness, unless initMethod has the say or there was no shared client yet.
    if (!this.isReady && !this.readyError && !isEnding()) {
      this.ready(new TrunklineError('ERR_TRUNKLINE_CLOSED', `${this.constructor.name}: ready(): the client is closed`));
    }
    await super.close();
  }

  #build(): SharedClientOf<C, D> {
    if (this.#client) return this.#client;
    if (this.#closing)
      throw new TrunklineError('ERR_TRUNKLINE_CLOSED', `${this.constructor.name}: the client is closed; create a new one`);
    const options = this.options as APIClientOptions;
    const create = (options.cluster ?? cluster) as typeof cluster;
    const builder = create(this.DataClient, this.clusterOptions) as unknown as ClusterBuilder<UpstreamClass>;
    for (const [name, target] of Object.entries(this.delegates)) {
      const { to, ...delegateOptions } = typeof target === 'string' ? { to: target } : target;
      builder.delegate(name as never, to, delegateOptions);
    }
    const client = builder.create(options) as unknown as SharedClient;
    this.#client = client as unknown as SharedClientOf<C, D>;
    forwardEvents(client, this);
    if (!options.initMethod) this.#followReadiness(client);
    return this.#client;
  }

  #followReadiness(client: SharedClient): void {
    if (client instanceof SharedClient) {
      client.mirrorReady(this);
      return;
    }
    // A client that a user's `cluster` made, in a test perhaps.
    (client as ClientBase).ready((error) => {
      this.ready(error ?? true);
    });
  }
}
