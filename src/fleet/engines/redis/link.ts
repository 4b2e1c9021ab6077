// Two connections of one host to Redis: one for commands, and another that subscribes. Comes up when both work, goes down when either ends or
// says nothing, and connects again. No command is sent again by the client package: each verb says what may be repeated.

import type { Redis, RedisOptions } from 'ioredis';
import { messageOf } from '../../../../protocol/error-value';
import { TrunklineError } from '../../../errors';
import { optionalPackage } from '../../../optional-package';
import { backgroundClock, type Timer } from '../../../time';
import { SCRIPTS, type ScriptName } from './scripts';

export interface RedisPlace {
  readonly url?: string | undefined;
  readonly client?: Redis | undefined;
}

export interface LinkSetup {
  readonly place: RedisPlace;
  readonly group: string;
  readonly timeoutMs: number;
  readonly onUp: () => void;
  readonly onDown: (error: TrunklineError) => void;
  readonly onMessage: (channel: string, message: Buffer) => void;
}

type Argument = string | number | Buffer;
type Scripted = Record<string, (...args: Argument[]) => Promise<unknown>>;

/** Pause between two attempts to connect, ms. */
const RETRY_MIN_MS = 50;
const RETRY_MAX_MS = 1_000;
const OLDEST = [6, 2];
/** How Redis begins an error that no waiting mends. */
const REFUSALS = /^(?:WRONGPASS|NOAUTH|NOPERM|ERR invalid password|ERR AUTH|ERR unknown command|ERR Client sent AUTH|NOSCRIPT)/;

export class RedisLink {
  readonly #setup: LinkSetup;
  readonly #commands: Redis;
  readonly #subscriber: Redis;
  #state: 'down' | 'rising' | 'up' | 'closed' = 'down';
  #retry: Timer | undefined;
  #lastError: unknown;
  #lastTold = '';

  constructor(setup: LinkSetup) {
    this.#setup = setup;
    this.#commands = this.#connection();
    this.#subscriber = this.#connection();
    for (const [name, { keys, lua }] of Object.entries(SCRIPTS))
      this.#commands.defineCommand(nameOf(name), { numberOfKeys: keys, lua });
    for (const connection of [this.#commands, this.#subscriber]) {
      connection.on('error', (error: unknown) => {
        this.#lastError = error;
        if (isRefusal(error)) this.#fall(error);
      });
      connection.on('ready', () => void this.#rise());
      connection.on('close', () => this.#fall(this.#lastError ?? new Error('the connection has ended')));
    }
    this.#subscriber.on('messageBuffer', (channel: Buffer, message: Buffer) => {
      if (this.#state === 'up' || this.#state === 'rising') setup.onMessage(channel.toString(), message);
    });
  }

  get isUp(): boolean {
    return this.#state === 'up';
  }

  /** Runs a script. @returns what the script returns, with texts as buffers */
  run(script: ScriptName, ...args: Argument[]): Promise<unknown> {
    return this.#verb(() => (this.#commands as unknown as Scripted)[`${nameOf(script)}Buffer`]!(...args));
  }

  command(name: string, ...args: Argument[]): Promise<unknown> {
    return this.#verb(() => this.#commands.callBuffer(name, ...args));
  }

  subscribe(channels: readonly string[]): Promise<unknown> {
    return this.#verb(() => this.#subscriber.subscribe(...channels));
  }

  unsubscribe(channels: readonly string[]): Promise<unknown> {
    return this.#verb(() => this.#subscriber.unsubscribe(...channels));
  }

  /** Everything that the server had sent on both connections has been told. Without an answer both connections are made anew. */
  async barrier(): Promise<void> {
    await this.#verb(() => Promise.all([this.#subscriber.ping(), this.#commands.ping()]));
  }

  /** @returns the version of the server, and what it keeps */
  async info(): Promise<string> {
    return ((await this.command('INFO')) as Buffer).toString();
  }

  close(): void {
    if (this.#state === 'closed') return;
    this.#state = 'closed';
    backgroundClock.clearTimeout(this.#retry);
    this.#commands.disconnect();
    this.#subscriber.disconnect();
  }

  /** A connection of this link alone, whatever the user's own client does. */
  #connection(): Redis {
    const { place, timeoutMs } = this.#setup;
    const options = {
      protocol: 3 as const,
      autoResubscribe: false,
      autoResendUnfulfilledCommands: false,
      maxRetriesPerRequest: 0,
      enableOfflineQueue: false,
      enableReadyCheck: false,
      connectTimeout: timeoutMs,
      commandTimeout: timeoutMs,
      retryStrategy: (attempt: number) =>
        Math.min(RETRY_MAX_MS, RETRY_MIN_MS * 2 ** Math.min(attempt, 10)) * (0.5 + Math.random() / 2),
      reconnectOnError: null,
      keyPrefix: '',
    } satisfies RedisOptions;
    const made = place.client
      ? place.client.duplicate(options)
      : new (redisClass())(place.url ?? 'redis://127.0.0.1:6379', options);
    // The fleet's client holds the process, not its connections.
    made.on('connect', () => (made as unknown as { stream?: { unref?(): void } }).stream?.unref?.());
    return made;
  }

  async #rise(): Promise<void> {
    if (this.#state !== 'down' || this.#commands.status !== 'ready' || this.#subscriber.status !== 'ready') return;
    this.#state = 'rising';
    try {
      const info = ((await this.#commands.callBuffer('INFO')) as Buffer).toString();
      if (this.state !== 'rising') return;
      const version = /^redis_version:(\S+)/m.exec(info)?.[1] ?? '';
      const refusal = refusalOf(info, version);
      if (refusal) throw refusal;
      this.#lastError = undefined;
      this.#lastTold = '';
      this.#state = 'up';
      this.#setup.onUp();
    } catch (error) {
      if (this.state !== 'rising') return;
      this.#fall(error);
      this.#later();
    }
  }

  /** As `#state`, for the compiler, which does not see that the state changes during a wait. */
  private get state(): string {
    return this.#state;
  }

  #fall(cause: unknown): void {
    if (this.#state === 'closed') return;
    const wasUp = this.#state === 'up';
    this.#state = 'down';
    const error = this.errorOf(cause);
    // While nothing changes, the same is not told again and again.
    if (!wasUp && error.message === this.#lastTold) return;
    this.#lastTold = error.message;
    this.#setup.onDown(error);
  }

  #later(): void {
    backgroundClock.clearTimeout(this.#retry);
    this.#retry = backgroundClock.setTimeout(() => void this.#rise(), RETRY_MAX_MS);
  }

  async #verb<Result>(verb: () => Promise<Result>): Promise<Result> {
    if (this.#state !== 'up') throw this.errorOf(this.#lastError ?? new Error('there is no connection'));
    try {
      return await verb();
    } catch (error) {
      // A server that does not answer mostly leaves the connection open.
      if (messageOf(error).includes('Command timed out')) this.#reconnect(error);
      throw this.errorOf(error);
    }
  }

  #reconnect(cause: unknown): void {
    if (this.#state !== 'up') return;
    this.#fall(cause);
    this.#commands.disconnect(true);
    this.#subscriber.disconnect(true);
  }

  errorOf(cause: unknown): TrunklineError {
    if (cause instanceof TrunklineError) return cause;
    const { group, place } = this.#setup;
    const where = place.client ? 'the given Redis client' : `Redis at ${withoutPassword(place.url ?? 'redis://127.0.0.1:6379')}`;
    const facts = { engine: 'redis', group, cause };
    const reason = messageOf(cause);
    if (isRefusal(cause))
      return new TrunklineError(
        'ERR_TRUNKLINE_FLEET_ENGINE_REFUSED',
        `fleet ${group}: ${where} refuses this host: ${reason}; check user, password and rights (EVALSHA, EVAL, PUBLISH, SUBSCRIBE, INFO, and keys of this fleet)`,
        facts,
      );
    return new TrunklineError('ERR_TRUNKLINE_FLEET_NO_ENGINE', `fleet ${group}: ${where} does not answer: ${reason}`, facts);
  }
}

function nameOf(script: string): string {
  return `trunkline${script[0]!.toUpperCase()}${script.slice(1)}`;
}

function isRefusal(error: unknown): boolean {
  return REFUSALS.test(messageOf(error));
}

function refusalOf(info: string, version: string): Error | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (/^loading:1/m.test(info)) return new Error('LOADING: it reads its data');
  const isOld = major < OLDEST[0]! || (major === OLDEST[0] && minor < OLDEST[1]!);
  if (version === '' || !isOld) return undefined;
  const message = `Redis ${version} is too old for a fleet, which needs 6.2 or later`;
  return new TrunklineError('ERR_TRUNKLINE_FLEET_ENGINE_REFUSED', message, { engine: 'redis', version });
}

function withoutPassword(url: string): string {
  return url.replace(/\/\/[^@/]*@/, '//');
}

function redisClass(): typeof Redis {
  const loaded = optionalPackage('ioredis', 'redisEngine({ url })', () => require('ioredis') as typeof import('ioredis'));
  return loaded.Redis;
}
