// The example of a token store that lives in the leader: in memory, and with a real Redis.

import { Redis } from 'ioredis';
import type { Answer } from '../../examples/shared-tokens/app';
import type { Token, TokenChange } from '../../examples/shared-tokens/token';
import { TokenIssuer } from '../../examples/shared-tokens/token-issuer';
import { TokenStore, type TokenStoreOptions } from '../../examples/shared-tokens/token-store';
import { eventually } from '../support/eventually';
import { freePort } from '../support/ports';
import { describeWithRedis, RedisServer } from '../support/redis';
import { ExampleRun } from './example-run';

class Application extends ExampleRun {
  readonly #port: number;

  private constructor(port: number, redisUrl: string) {
    super('shared-tokens/main.js', [], { PORT: String(port), REDIS_URL: redisUrl });
    this.#port = port;
  }

  static async start(redisUrl = ''): Promise<Application> {
    return new Application(await freePort(), redisUrl);
  }

  /** Resolves with the scope of this run when the demo has asked, killed the agent and asked again. */
  async story(): Promise<string> {
    const [, scope] = await this.shows(/try: curl .*\/ask\/(\S+)/);
    return scope!;
  }

  async ask<T>(path: string, method = 'GET'): Promise<T> {
    const response = await fetch(`http://127.0.0.1:${this.#port}${path}`, { method, headers: { connection: 'close' } });
    expect(response.status).toBe(200);
    return (await response.json()) as T;
  }

  /** Resolves when the subscriptions of four workers have brought the value. */
  async allSee(scope: string, value: string | undefined): Promise<void> {
    const workers = new Set<number>();
    await eventually(`four workers see ${value}`, async () => {
      const { worker, token } = await this.ask<TokenChange & { worker: number }>(`/seen/${scope}`);
      if (token?.value === value) workers.add(worker);
      return workers.size === 4;
    });
  }

  async stop(): Promise<void> {
    this.kill('SIGTERM');
    expect(await this.end()).toBe(0);
    expect(this.processes()).toEqual([]);
    await this.dispose();
  }
}

describe('in memory', () => {
  it('a thousand questions of four workers are one, and a killed agent costs one more', async () => {
    const application = await Application.start();
    const scope = await application.story();
    expect(application.output.match(/.*workers asked.*/g)).toEqual([
      '4 workers asked 1000 times; different tokens: 1; questions to the issuer so far: 1',
      '4 workers asked 1000 times; different tokens: 1; questions to the issuer so far: 2',
    ]);
    const { values } = await application.ask<Answer>(`/ask/${scope}`);
    await application.allSee(scope, values[0]);

    await application.ask(`/revoke/${scope}`, 'POST');
    await application.allSee(scope, undefined);
    const after = await application.ask<Answer>(`/ask/${scope}`);
    expect(after.values).not.toEqual(values);
    await application.allSee(scope, after.values[0]);
    await application.stop();
  });
});

describeWithRedis('with Redis', () => {
  let redis: RedisServer;
  let somebody: Redis;
  const keyOf = (scope: string): string => `trunkline-example:token:${scope}`;

  beforeEach(async () => {
    redis = await RedisServer.start();
    somebody = new Redis(redis.url, { retryStrategy: () => 10 });
    somebody.on('error', () => undefined);
  });
  afterEach(async () => {
    await stopStores();
    somebody.disconnect();
    await redis.stop();
  });

  async function put(scope: string, value: string): Promise<void> {
    await somebody.set(keyOf(scope), JSON.stringify({ value, expiresAt: Date.now() + 60_000 }));
    await somebody.publish('tokens', scope);
  }

  it('tokens survive the agent, and what somebody else writes reaches every worker', async () => {
    const application = await Application.start(redis.url);
    const scope = await application.story();
    expect(application.output.match(/to the issuer so far: 1$/gm)).toHaveLength(2);
    await put(scope, 'from somebody else');
    await application.allSee(scope, 'from somebody else');
    expect(await application.ask<Answer>(`/ask/${scope}`)).toMatchObject({ values: ['from somebody else'] });
    await somebody.del(keyOf(scope));
    await somebody.publish('tokens', scope);
    await application.allSee(scope, undefined);
    await application.stop();
  });

  it('two hosts share a token, and its end', async () => {
    const [one, two] = [await store({ redisUrl: redis.url }), await store({ redisUrl: redis.url })];
    const changes = watch(two, 'mail');
    await eventually('the subscription has brought a token', () => changes.length === 1);
    expect(await one.getToken('mail')).toMatchObject({ value: changes[0]?.token?.value });
    expect(issuer.asked).toBe(1);
    await one.revoke('mail');
    await eventually('the other host hears of it', () => changes.at(-1)?.token === null);
    await somebody.set(keyOf('mail'), 'no token at all');
    expect(await one.getToken('mail')).toMatchObject({ scope: 'mail' });
    expect(errors).toHaveLength(1);
  });

  it('a key in Redis ends with its token', async () => {
    await (await store({ redisUrl: redis.url })).getToken('mail');
    expect(await somebody.pttl(keyOf('mail'))).toBeGreaterThan(issuer.lifeMs - 10_000);
    expect(await somebody.pttl(keyOf('mail'))).toBeLessThanOrEqual(issuer.lifeMs);
  });

  it('a Redis that goes away costs a question, and changes of that time are found when it is back', async () => {
    const tokens = await store({ redisUrl: redis.url });
    const changes = watch(tokens, 'mail');
    await eventually('the subscription has brought a token', () => changes.length === 1);
    await redis.stop();
    await eventually('the loss is noticed', () => errors.length > 0);
    expect(await tokens.getToken('other')).toMatchObject({ scope: 'other' });
    redis = await RedisServer.start(redis.port);
    await somebody.set(keyOf('mail'), JSON.stringify({ value: 'written meanwhile', expiresAt: Date.now() + 60_000 }));
    await eventually('the change is found', () => changes.at(-1)?.token?.value === 'written meanwhile');
  });

  it('a Redis that is not there is named', async () => {
    await redis.stop();
    await expect(store({ redisUrl: redis.url })).rejects.toThrow(/^Redis cannot be reached: .*ECONNREFUSED/);
    redis = await RedisServer.start();
  });
});

describe('the store', () => {
  afterEach(stopStores);

  it('asks once for each scope, however many ask', async () => {
    const tokens = await store();
    const got = await Promise.all(['mail', 'mail', 'files', 'mail'].map((scope) => tokens.getToken(scope)));
    expect(issuer.asked).toBe(2);
    expect(new Set(got.map(({ value }) => value)).size).toBe(2);
    expect(got.map(({ scope }) => scope)).toEqual(['mail', 'mail', 'files', 'mail']);
  });

  it('replaces a token before its end', async () => {
    const tokens = await store({ renewBeforeMs: 59_500 });
    const first = await tokens.getToken('mail');
    expect(await tokens.getToken('mail')).toEqual(first);
    const second = await eventually('another token', async () => {
      const token = await tokens.getToken('mail');
      return token.value === first.value ? undefined : token;
    });
    expect(first.expiresAt - Date.now()).toBeGreaterThan(50_000);
    expect(second.expiresAt).toBeGreaterThan(first.expiresAt);
  });

  it('replaces the token of a subscribed scope without being asked', async () => {
    const tokens = await store({ renewBeforeMs: 59_900 });
    const changes = watch(tokens, 'mail');
    await eventually('three tokens', () => changes.length === 3);
    tokens.unSubscribe({ scope: 'mail' });
    expect(new Set(changes.map(({ token }) => token?.value)).size).toBe(3);
  });

  it('gives a token that is still good when the issuer fails, and the error when there is none', async () => {
    const tokens = await store({ renewBeforeMs: 60_000 });
    const first = await tokens.getToken('mail');
    issuer.isBroken = true;
    expect(await tokens.getToken('mail')).toEqual(first);
    await expect(tokens.getToken('files')).rejects.toThrow('the issuer gives no token for files: status 503');
    issuer.isBroken = false;
    expect(await tokens.getToken('files')).toMatchObject({ scope: 'files' });
  });

  it('revokes what is on its way too', async () => {
    const tokens = await store();
    const [onItsWay] = await Promise.all([tokens.getToken('mail'), tokens.revoke('mail')]);
    expect((await tokens.getToken('mail')).value).not.toBe(onItsWay.value);
  });

  it('renews a token that the issuer only gives more time', async () => {
    issuer.nextValue = () => 'always the same';
    const tokens = await store({ renewBeforeMs: 59_900 });
    const changes = watch(tokens, 'mail');
    await eventually('three ends', () => changes.length === 3);
    tokens.unSubscribe({ scope: 'mail' });
    expect(new Set(changes.map(({ token }) => token?.value))).toEqual(new Set(['always the same']));
  });

  it('tells a late subscriber of the present token', async () => {
    const tokens = await store();
    const token: Token = await tokens.getToken('mail');
    expect(watch(tokens, 'mail')).toEqual([{ scope: 'mail', token }]);
    expect(issuer.asked).toBe(1);
  });
});

let issuer: TokenIssuer;
let issuerUrl: string;
let errors: unknown[];
let stores: TokenStore[];

beforeEach(async () => {
  [issuer, errors, stores] = [new TokenIssuer(), [], []];
  issuerUrl = await issuer.listen();
});
afterEach(() => issuer.close());

async function store(options: Partial<TokenStoreOptions> = {}): Promise<TokenStore> {
  const tokens = new TokenStore({ issuerUrl, ...options });
  stores.push(tokens);
  tokens.on('error', (error) => errors.push(error));
  await tokens.ready();
  return tokens;
}

function watch(tokens: TokenStore, scope: string): TokenChange[] {
  const changes: TokenChange[] = [];
  tokens.subscribe({ scope }, (change) => changes.push(change));
  return changes;
}

async function stopStores(): Promise<void> {
  await Promise.all(stores.map((each) => each.close()));
}
