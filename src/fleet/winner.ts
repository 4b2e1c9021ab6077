// The upstream client of the fleet, in the host that leads: a client of this library in single mode, which keeps the user's instance
// alive, tries again what was refused, and knows how each method gives results. Made when this host wins, closed when it loses.

import { type EventEmitter } from 'node:events';
import cluster from '../index';
import { TrunklineError } from '../errors';
import type { UpstreamView } from '../host-view';
import type { Logger } from '../logger';
import type { WishKind } from './engine';
import type { FleetCall, Outcome } from './messages';
import type { FleetVerbs } from './options';

// eslint-disable-next-line @typescript-eslint/no-explicit-any -- any constructor at all, as the core takes it
export type FleetSourceClass = new (...args: any[]) => object;

export interface WinnerSetup {
  readonly upstreamClass: FleetSourceClass;
  readonly args: readonly unknown[];
  /** Different for each term of each fleet in this process: clients of one name share an instance. */
  readonly name: string;
  readonly methods: readonly string[];
  readonly verbs: FleetVerbs;
  readonly logger: Logger;
  readonly hooks: WinnerHooks;
}

export interface WinnerHooks {
  onValue(key: string, value: unknown): void;
  /** The upstream client is ready, or is not any more. */
  onReady(isReady: boolean, reason: Error | undefined): void;
  onUpstream(upstream: UpstreamView): void;
  /** An event of the user's instance, or an error of the client. */
  onEvent(event: string | symbol, args: readonly unknown[]): void;
}

type Client = EventEmitter & {
  ready(): Promise<void>;
  close(): Promise<void>;
  unref(): unknown;
  status(): {
    readonly state: string;
    readonly reason: { readonly message: string } | undefined;
    readonly upstream: UpstreamView;
  };
};
type Method = (...args: unknown[]) => unknown;
interface Subscription {
  unsubscribe(): void;
}

/** Events that the library makes, and that are no news of the user's instance. */
const OWN_EVENTS: ReadonlySet<string | symbol> = new Set([
  'ready',
  'close',
  'state',
  'role',
  'upstream',
  'newListener',
  'removeListener',
  'health',
]);
/** How long withdrawn publications gather before they are withdrawn together, ms. */
const WITHDRAW_MS = 50;

export class Winner {
  readonly #setup: WinnerSetup;
  readonly #client: Client;
  /** Holds the publications; another client takes its place when any of them ends. Both share the upstream client. */
  #publisher: Client | undefined;
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #publications = new Map<string, unknown>();
  #withdrawal: NodeJS.Timeout | undefined;
  #closing: Promise<void> | undefined;
  #isReady = false;

  constructor(setup: WinnerSetup) {
    this.#setup = setup;
    this.#client = this.#makeClient();
    const { hooks } = setup;
    const client = this.#client;
    client.on('error', (error: unknown) => hooks.onEvent('error', [error]));
    client.on('upstream', (upstream: UpstreamView) => hooks.onUpstream(upstream));
    client.on('state', () => this.#look());
    client.ready().then(
      () => this.#look(),
      () => this.#look(), // tried again by the client, which then emits `state`
    );
    const emit = client.emit.bind(client);
    client.emit = (event: string | symbol, ...args: unknown[]) => {
      if (!OWN_EVENTS.has(event) && event !== 'error') hooks.onEvent(event, args);
      return emit(event, ...args);
    };
  }

  get isReady(): boolean {
    return this.#isReady;
  }

  open(kind: WishKind, key: string, registration: unknown): void {
    const { verbs, hooks } = this.#setup;
    if (kind === 'publication') {
      this.#publications.set(key, registration);
      this.#publisher ??= this.#makeClient();
      this.#verb(this.#publisher, verbs.publish, [registration]);
      return;
    }
    if (this.#subscriptions.has(key)) return;
    const handle = this.#verb(this.#client, verbs.subscribe, [
      registration,
      (value: unknown) => {
        if (!this.#closing) hooks.onValue(key, value);
      },
    ]);
    if (handle) this.#subscriptions.set(key, handle as Subscription);
  }

  shut(kind: WishKind, key: string): void {
    if (kind === 'subscription') {
      this.#subscriptions.get(key)?.unsubscribe();
      this.#subscriptions.delete(key);
    } else if (this.#publications.delete(key)) {
      this.#withdrawal ??= setTimeout(() => this.#withdraw(), WITHDRAW_MS).unref();
    }
  }

  /** Never rejects. */
  async call({ method, style, args }: FleetCall): Promise<Outcome> {
    const member = (this.#client as unknown as Record<string, unknown>)[method];
    if (typeof member !== 'function' || !this.#setup.methods.includes(method)) {
      const message = `the class on the host that leads has no method ${method}; release the same version on all hosts`;
      return { ok: false, error: new TrunklineError('ERR_TRUNKLINE_UNKNOWN_METHOD', message, { method }) };
    }
    try {
      if (style === 'promise') return { ok: true, values: [await (member as Method).apply(this.#client, [...args])] };
      const values = await new Promise<unknown[]>((resolve, reject) => {
        const callback = (error: unknown, ...results: unknown[]): void => {
          if (error) reject(error);
          else resolve(results);
        };
        (member as Method).apply(this.#client, [...args, callback]);
      });
      return { ok: true, values };
    } catch (error) {
      return { ok: false, error };
    }
  }

  /** Ends the upstream client; calls under way are rejected. Never rejects; idempotent. */
  close(): Promise<void> {
    clearTimeout(this.#withdrawal);
    this.#closing ??= Promise.all([closeClient(this.#publisher), closeClient(this.#client)]).then(() => undefined);
    return this.#closing;
  }

  /** The remaining publications go on in another client; what only the first one had is withdrawn by the library. */
  #withdraw(): void {
    this.#withdrawal = undefined;
    if (this.#closing) return;
    const before = this.#publisher;
    this.#publisher = this.#publications.size > 0 ? this.#makeClient() : undefined;
    for (const registration of this.#publications.values())
      this.#verb(this.#publisher!, this.#setup.verbs.publish, [registration]);
    void closeClient(before);
  }

  #look(): void {
    if (this.#closing) return;
    const { state, reason, upstream } = this.#client.status();
    const isReady = state === 'ready';
    if (isReady === this.#isReady && isReady) return;
    this.#isReady = isReady;
    this.#setup.hooks.onReady(isReady, reason && new Error(reason.message));
    if (isReady) this.#setup.hooks.onUpstream(upstream);
  }

  #verb(client: Client, name: string, args: unknown[]): unknown {
    return ((client as unknown as Record<string, unknown>)[name] as Method | undefined)?.apply(client, args);
  }

  #makeClient(): Client {
    const { upstreamClass, args, name, methods, verbs, logger } = this.#setup;
    const quiet: Logger = {
      ...logger,
      info: () => undefined,
      warn: (line) => logger.debug?.(line),
      error: (line) => logger.error(line),
    };
    const builder = cluster(upstreamClass, { singleMode: true, name, logger: quiet }) as unknown as {
      delegate(name: string, to: string): unknown;
      create(...args: unknown[]): Client;
    };
    const own = new Set<string>(Object.values(verbs));
    for (const method of methods) if (!own.has(method)) builder.delegate(method, 'invoke');
    for (const to of ['subscribe', 'unSubscribe', 'publish', 'close'] as const) {
      const isThere = typeof (upstreamClass.prototype as Record<string, unknown>)[verbs[to]] === 'function';
      if (isThere) builder.delegate(verbs[to], to);
    }
    const client = builder.create(...args);
    client.unref(); // the fleet's client holds the process
    if (client !== this.#client) client.on('error', () => undefined); // reported by the first client
    return client;
  }
}

async function closeClient(client: Client | undefined): Promise<void> {
  try {
    if (client) await cluster.close(client);
  } catch {
    // Reported as an error event of the client.
  }
}
