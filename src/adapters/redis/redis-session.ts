// A session with a Redis: a connection for commands and a second one that hears messages, opened together and ended together. Two, because
// Redis cuts a connection that subscribes as soon as more than 32 MB wait for it, replies included.

import { backgroundClock, patientTimeout, within } from '../../time';
import type { TrunklineError } from '../../errors';
import { silent, storeError } from './redis-errors';
import type { RedisConnection, RedisSettings } from './redis-options';
import type { Script } from './scripts';

/**
 * Where messages come from: a channel, or all channels that fit a pattern. Rights of a user name patterns, and Redis takes another pattern that
 * only fits into such a pattern for a forbidden one: `wide` is then used.
 */
export type Topic = { readonly channel: string } | { readonly pattern: string; readonly wide: string };

export type Argument = string | Buffer | number;

/** How long the opening may take, ms, as long as no byte arrives. */
const OPEN_MS = 5_000;

export class RedisSession {
  /** Resolves with the reason when the session is over. */
  readonly ended: Promise<TrunklineError>;
  readonly #settings: RedisSettings;
  readonly #asks: RedisConnection;
  readonly #hears: RedisConnection;
  readonly #onMessage: (channel: string, message: Buffer) => void;
  readonly #waiting = new Set<(reason: TrunklineError) => void>();
  readonly #echoes = new Map<string, (payload: string) => void>();
  readonly #pulseChannel: string;
  #pulses = 0;
  #end!: (reason: TrunklineError) => void;
  #over: TrunklineError | undefined;

  private constructor(settings: RedisSettings, onMessage: (channel: string, message: Buffer) => void) {
    this.#settings = settings;
    this.#asks = settings.create();
    this.#hears = settings.create();
    this.#onMessage = onMessage;
    this.#pulseChannel = `trunkline:pulse:${settings.owner}`;
    this.ended = new Promise((resolve) => (this.#end = resolve));
  }

  /**
   * @param onMessage called for each message of the topics, in the order in which Redis sends them
   * @throws TrunklineError ERR_TRUNKLINE_STORE_UNREACHABLE, …_DENIED, …_UNTRUSTED
   */
  static async open(
    settings: RedisSettings,
    onMessage: (channel: string, message: Buffer) => void,
    onCreated: (session: RedisSession) => void,
  ): Promise<RedisSession> {
    const session = new RedisSession(settings, onMessage);
    onCreated(session);
    try {
      const opening = Promise.all([session.#connect(session.#asks), session.#connect(session.#hears)]);
      opening.catch(() => undefined);
      const isOpen = await within(backgroundClock, OPEN_MS, Promise.race([opening, session.#rejected()]));
      if (!isOpen) throw silent(settings.server, OPEN_MS);
      session.#hear();
      await session.#track(session.#hears.subscribe(session.#pulseChannel));
      return session;
    } catch (error) {
      session.end(error as TrunklineError);
      throw error;
    }
  }

  get isOver(): boolean {
    return this.#over !== undefined;
  }

  /** The number of the database that the connections use. */
  get database(): number {
    return this.#asks.options?.db ?? 0;
  }

  /** Sends a command. Replies are Buffers and numbers. @throws (rejects) TrunklineError */
  call<T>(command: string, ...args: Argument[]): Promise<T> {
    return this.#track(this.#asks.callBuffer(command, ...args)) as Promise<T>;
  }

  /** Runs a script, which a server that was restarted does not know any more. */
  async run<T>({ sha, text }: Script, keys: readonly string[], ...args: Argument[]): Promise<T> {
    try {
      return await this.call<T>('EVALSHA', sha, keys.length, ...keys, ...args);
    } catch (error) {
      if (!/NOSCRIPT/.test((error as Error).message)) throw error;
      return this.call<T>('EVAL', text, keys.length, ...keys, ...args);
    }
  }

  async listen(topics: readonly Topic[]): Promise<void> {
    const channels = topics.flatMap((topic) => ('channel' in topic ? topic.channel : []));
    const patterns = topics.filter((topic) => 'pattern' in topic);
    if (channels.length > 0) await this.#track(this.#hears.subscribe(...channels));
    if (patterns.length === 0) return;
    try {
      await this.#track(this.#hears.psubscribe(...patterns.map(({ pattern }) => pattern)));
    } catch (error) {
      if ((error as TrunklineError).code !== 'ERR_TRUNKLINE_STORE_DENIED') throw error;
      await this.#track(this.#hears.psubscribe(...new Set(patterns.map(({ wide }) => wide))));
    }
  }

  /** Without effect when the session is over. */
  async ignore(topic: Topic): Promise<void> {
    if (this.#over) return;
    if ('channel' in topic) await this.#track(this.#hears.unsubscribe(topic.channel));
    else await this.#track(this.#hears.punsubscribe(topic.pattern));
  }

  /**
   * Has a message sent to this session itself, and waits for it: what was published before has then been heard, and both connections work.
   * The session ends when the message does not come while no byte arrives.
   * @param send publishes `TOKEN…` to the channel
   * @returns the whole message
   */
  async pulse(send: (channel: string, token: string) => Promise<unknown>): Promise<string> {
    const token = `${++this.#pulses} `;
    const echo = this.#waited<string>((resolve) => this.#echoes.set(token, resolve));
    echo.catch(() => undefined);
    const watch = this.#endWhenSilent();
    try {
      await send(this.#pulseChannel, token);
      return (await echo).slice(token.length);
    } finally {
      watch.cancel();
      this.#echoes.delete(token);
    }
  }

  /** Ends the session: what is under way is rejected. Idempotent. */
  end(reason: TrunklineError): void {
    if (this.#over) return;
    this.#over = reason;
    for (const connection of [this.#asks, this.#hears]) disconnect(connection);
    for (const reject of this.#waiting) reject(reason);
    this.#waiting.clear();
    this.#end(reason);
  }

  async #connect(connection: RedisConnection): Promise<void> {
    let heard: unknown;
    connection.on('error', (error: Error) => {
      heard = error;
    });
    connection.on('connect', () => connection.stream?.unref()); // the store client holds the process
    connection.on('end', () => this.#lost(heard ?? new Error('the connection was closed')));
    try {
      await connection.connect();
    } catch (error) {
      // The event says why; the promise says only that the connection is closed.
      throw storeError(this.#settings.server, heard ?? error);
    }
  }

  #lost(error: unknown): void {
    this.end(storeError(this.#settings.server, error));
  }

  #hear(): void {
    const pulse = this.#pulseChannel;
    const hear = (channel: Buffer, message: Buffer): void => {
      const name = channel.toString('utf8');
      if (name !== pulse) {
        if (!this.#over) this.#onMessage(name, message);
        return;
      }
      const text = message.toString('utf8');
      this.#echoes.get(text.slice(0, text.indexOf(' ') + 1))?.(text);
    };
    this.#hears.on('messageBuffer', hear);
    this.#hears.on('pmessageBuffer', (_pattern: unknown, channel: Buffer, message: Buffer) => hear(channel, message));
  }

  /** Judges the server, not this process: bytes that arrive or leave are life, e.g. those of a large value on a slow line. */
  #endWhenSilent(): { cancel(): void } {
    const { silenceMs, server } = this.#settings;
    let seen = this.#progress();
    const start = (): { cancel(): void } =>
      patientTimeout(backgroundClock, silenceMs, () => {
        const now = this.#progress();
        if (now === seen) {
          this.end(silent(server, silenceMs));
          return;
        }
        seen = now;
        watch = start();
      });
    let watch = start();
    return { cancel: () => watch.cancel() };
  }

  #progress(): number {
    let bytes = 0;
    for (const { stream } of [this.#asks, this.#hears]) {
      const { bytesRead = 0, bytesWritten = 0, writableLength = 0 } = stream ?? {};
      bytes += bytesRead + bytesWritten - writableLength;
    }
    return bytes;
  }

  #track<T>(work: Promise<T>): Promise<T> {
    return this.#waited((resolve, reject) => {
      work.then(resolve, (error: Error) => {
        const coded = storeError(this.#settings.server, error);
        reject(coded);
        // A master that has become a replica takes no writes: the next connection looks for the master anew.
        if (/^READONLY/.test(error.message)) this.end(coded);
      });
    });
  }

  /** A promise that the end of the session rejects. */
  #waited<T>(begin: (resolve: (value: T) => void, reject: (reason: TrunklineError) => void) => void): Promise<T> {
    if (this.#over) return Promise.reject(this.#over);
    return new Promise<T>((resolve, reject) => {
      this.#waiting.add(reject);
      begin(
        (value) => {
          this.#waiting.delete(reject);
          resolve(value);
        },
        (reason) => {
          this.#waiting.delete(reject);
          reject(reason);
        },
      );
    });
  }

  #rejected(): Promise<never> {
    const never = this.#waited<never>(() => undefined);
    never.catch(() => undefined);
    return never;
  }
}

function disconnect(connection: RedisConnection): void {
  // ioredis would start a timer that keeps the process alive for two seconds and that nothing clears.
  if (connection.status === 'end') return;
  // ioredis hears one error of a socket. A TLS socket that is ended during its handshake can have two, and the second would be uncaught.
  connection.stream?.on('error', () => undefined);
  connection.disconnect();
}
