// The upstream client: keeps the tokens of all processes, and asks the authorization server when a token is needed. The store
// runs in the process that leads, and therefore the whole host asks a single question at a time.

import { Base } from 'sdk-base';
import type { RedisVault } from './redis-vault';
import type { Token, TokenListener } from './token';

export interface TokenStoreOptions {
  /** `POST <issuerUrl>/<scope>` gives a token. */
  readonly issuerUrl: string;
  /** `redis://…`: tokens outlive the leader, and are shared by all hosts. Default: in memory. */
  readonly redisUrl?: string | undefined;
  /** A token with less time left than this, ms, is replaced. Default 10000. */
  readonly renewBeforeMs?: number | undefined;
}

/** The least time between two renewals that nobody asked for, ms. */
const MIN_PAUSE_MS = 1_000;
/** An issuer that does not answer within this time counts as not there, ms. Calls through a shared client wait for 3 s. */
const ISSUE_MS = 2_000;

export class TokenStore extends Base {
  readonly #issuerUrl: string;
  readonly #redisUrl: string | undefined;
  readonly #renewBeforeMs: number;
  readonly #tokens = new Map<string, Token>();
  readonly #renewals = new Map<string, Promise<Token>>();
  readonly #listeners = new Map<string, TokenListener>();
  readonly #timers = new Map<string, NodeJS.Timeout>();
  #vault: RedisVault | undefined;

  constructor({ issuerUrl, redisUrl, renewBeforeMs = 10_000 }: TokenStoreOptions) {
    super({ initMethod: '_init' });
    this.#issuerUrl = issuerUrl;
    this.#redisUrl = redisUrl;
    this.#renewBeforeMs = renewBeforeMs;
  }

  /** Called by the base class; the store is ready when the promise resolves. */
  async _init(): Promise<void> {
    if (!this.#redisUrl) return;
    // Loaded here: who does without Redis needs no ioredis.
    const { RedisVault } = require('./redis-vault') as typeof import('./redis-vault');
    this.#vault = new RedisVault(this.#redisUrl);
    await this.#vault.open({
      onChange: (scope) => void this.#follow(scope),
      onGap: () => {
        for (const scope of new Set([...this.#tokens.keys(), ...this.#listeners.keys()])) void this.#follow(scope);
      },
      onError: (error) => this.emit('error', error),
    });
  }

  /** A token with some time left. However many ask, the issuer is asked once. */
  async getToken(scope: string): Promise<Token> {
    const token = this.#tokens.get(scope);
    if (token && this.#isFresh(token)) return token;
    try {
      return await this.#renew(scope);
    } catch (error) {
      if (token && token === this.#tokens.get(scope) && token.expiresAt > Date.now()) return token; // still good
      throw error;
    }
  }

  /** The present token of a scope must not be used any more; the next `getToken` asks for a new token. */
  async revoke(scope: string): Promise<void> {
    await this.#renewals.get(scope)?.catch(() => undefined); // includes a token that is on the way
    try {
      await this.#vault?.remove(scope);
    } finally {
      this.#accept(scope, undefined);
    }
  }

  /** Pushes the token of a scope and each later token. A scope that has a subscriber is renewed without being asked for. */
  subscribe({ scope }: { scope: string }, listener: TokenListener): void {
    this.#listeners.set(scope, listener);
    const token = this.#tokens.get(scope);
    if (token) listener({ scope, token });
    this.#renewInTime(scope, 0);
  }

  unSubscribe({ scope }: { scope: string }): void {
    this.#listeners.delete(scope);
    clearTimeout(this.#timers.get(scope));
    this.#timers.delete(scope);
  }

  override async close(): Promise<void> {
    for (const scope of [...this.#listeners.keys()]) this.unSubscribe({ scope });
    await Promise.allSettled(this.#renewals.values());
    this.#vault?.close();
    await super.close();
  }

  #renew(scope: string): Promise<Token> {
    let renewal = this.#renewals.get(scope);
    if (!renewal) {
      renewal = this.#findOrIssue(scope).finally(() => this.#renewals.delete(scope));
      this.#renewals.set(scope, renewal);
    }
    return renewal;
  }

  async #findOrIssue(scope: string): Promise<Token> {
    // A Redis that is away costs a question, not the token.
    const kept = await this.#vault?.read(scope).catch((error: unknown) => void this.emit('error', error));
    if (kept && this.#isFresh(kept)) {
      this.#accept(scope, kept);
      return kept;
    }
    const response = await fetch(`${this.#issuerUrl}/${encodeURIComponent(scope)}`, {
      method: 'POST',
      signal: AbortSignal.timeout(ISSUE_MS),
    });
    if (!response.ok) throw new Error(`the issuer gives no token for ${scope}: status ${response.status}`);
    const token = (await response.json()) as Token;
    await this.#vault?.write(token).catch((error: unknown) => void this.emit('error', error));
    this.#accept(scope, token);
    return token;
  }

  /** Somebody says that the token in Redis has changed. */
  async #follow(scope: string): Promise<void> {
    try {
      this.#accept(scope, await this.#vault?.read(scope));
    } catch (error) {
      this.emit('error', error);
    }
  }

  #accept(scope: string, token: Token | undefined): void {
    const known = this.#tokens.get(scope);
    if (token) this.#tokens.set(scope, token);
    else this.#tokens.delete(scope);
    if (known?.value !== token?.value || known?.expiresAt !== token?.expiresAt) {
      this.#listeners.get(scope)?.({ scope, token: token ?? null });
    }
    if (token) this.#renewInTime(scope, MIN_PAUSE_MS);
  }

  #renewInTime(scope: string, leastMs: number): void {
    clearTimeout(this.#timers.get(scope));
    if (!this.#listeners.has(scope)) return;
    const { expiresAt = 0 } = this.#tokens.get(scope) ?? {};
    const renew = (): void => {
      this.#renew(scope).catch((error: unknown) => {
        this.emit('error', error);
        this.#renewInTime(scope, MIN_PAUSE_MS);
      });
    };
    this.#timers.set(scope, setTimeout(renew, Math.max(expiresAt - this.#renewBeforeMs - Date.now(), leastMs)));
  }

  #isFresh({ expiresAt }: Token): boolean {
    return expiresAt - Date.now() > this.#renewBeforeMs;
  }
}
