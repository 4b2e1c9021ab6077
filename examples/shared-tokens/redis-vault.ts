// Tokens in Redis, over npm `ioredis`: a key for each scope, which expires with the token, and the channel `tokens`, on which
// every change of a key is announced with the scope.

import { once } from 'node:events';
import { Redis } from 'ioredis';
import type { Token } from './token';

const PREFIX = 'trunkline-example:token:';
const CHANNEL = 'tokens';
/** A server that does not answer within this time counts as not there, ms. */
const COMMAND_MS = 500;

export interface VaultEvents {
  /** The token of a scope was written or removed, by any process. */
  readonly onChange: (scope: string) => void;
  /** Changes may have been missed. */
  readonly onGap: () => void;
  readonly onError: (error: unknown) => void;
}

export class RedisVault {
  readonly #redis: Redis;
  /** A connection that listens can do nothing else. */
  readonly #listening: Redis;

  /** @param url `redis://host:port` */
  constructor(url: string) {
    this.#redis = new Redis(url, { lazyConnect: true, maxRetriesPerRequest: 0, commandTimeout: COMMAND_MS });
    this.#listening = this.#redis.duplicate();
  }

  /** Resolves when changes are heard of. */
  async open({ onChange, onGap, onError }: VaultEvents): Promise<void> {
    for (const connection of [this.#redis, this.#listening]) {
      const ready = once(connection, 'ready'); // rejected by an `error`, which says more than what `connect` is rejected with
      connection.connect().catch(() => undefined);
      try {
        await ready;
      } catch (cause) {
        throw new Error(`Redis cannot be reached: ${(cause as Error).message}`, { cause });
      }
      connection.on('error', onError);
    }
    this.#listening.on('message', (_channel, scope) => onChange(scope));
    await this.#listening.subscribe(CHANNEL);
    this.#listening.on('ready', () => {
      this.#listening.subscribe(CHANNEL).then(onGap, onError);
    });
  }

  async read(scope: string): Promise<Token | undefined> {
    const text = await this.#redis.get(PREFIX + scope);
    return text === null ? undefined : parse(scope, text);
  }

  async write(token: Token): Promise<void> {
    await Promise.all([
      this.#redis.set(PREFIX + token.scope, JSON.stringify(token), 'PXAT', token.expiresAt),
      this.#redis.publish(CHANNEL, token.scope),
    ]);
  }

  async remove(scope: string): Promise<void> {
    await Promise.all([this.#redis.del(PREFIX + scope), this.#redis.publish(CHANNEL, scope)]);
  }

  close(): void {
    this.#redis.disconnect();
    this.#listening.disconnect();
  }
}

/** @throws Error for what is no token: anybody can write into Redis */
function parse(scope: string, text: string): Token {
  const { value, expiresAt } = JSON.parse(text) as Partial<Token>;
  if (typeof value === 'string' && typeof expiresAt === 'number') return { scope, value, expiresAt };
  throw new Error(`Redis has something else than a token for ${scope}`);
}
