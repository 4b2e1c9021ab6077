// The options of the adapter for Redis, checked and with their defaults, and the part of ioredis that the adapter uses.

import { randomUUID } from 'node:crypto';
import type { Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { TrunklineError } from '../../errors';
import { optionalPackage } from '../../optional-package';
import { isTimerMs } from '../../time';

/** A connection of ioredis 6, as far as the adapter uses one. */
export interface RedisConnection {
  readonly options?: { readonly db?: number | undefined };
  readonly status: string;
  readonly stream?: Pick<Socket, 'on' | 'unref' | 'bytesRead' | 'bytesWritten' | 'writableLength'>;
  connect(): Promise<unknown>;
  disconnect(): void;
  callBuffer(command: string, ...args: (string | Buffer | number)[]): Promise<unknown>;
  subscribe(...channels: string[]): Promise<unknown>;
  psubscribe(...patterns: string[]): Promise<unknown>;
  unsubscribe(...channels: string[]): Promise<unknown>;
  punsubscribe(...patterns: string[]): Promise<unknown>;
  on(event: string, listener: (...args: never[]) => void): unknown;
}

/** A client of ioredis 6 that the user has made. */
export interface RedisLike {
  readonly isCluster?: boolean;
  readonly options?: {
    readonly host?: string | undefined;
    readonly port?: number | undefined;
    readonly path?: string | undefined;
    readonly db?: number | undefined;
    readonly sentinels?: readonly { host?: string | undefined; port?: number | undefined }[] | null | undefined;
    readonly name?: string | undefined;
  };
  duplicate(override: object): RedisConnection;
}

export interface RedisStoreOptions {
  /** `redis://user:password@host:port/db`, or `rediss://…` for TLS. Default: `redis://127.0.0.1:6379`. */
  readonly url?: string | undefined;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** Options of `tls.connect`, e.g. `{ ca }`. Given at all, they turn TLS on. */
  readonly tls?: ConnectionOptions | undefined;
  /** Further options of ioredis, e.g. `sentinels` and `name`. The adapter decides on its own about reconnecting and resending. */
  readonly ioredis?: Readonly<Record<string, unknown>> | undefined;
  /**
   * A client of ioredis in place of the options above. The adapter opens connections like the client's own and leaves the client alone:
   * make the client with `lazyConnect: true`, or every process of the host has a connection besides.
   */
  readonly client?: RedisLike | undefined;
  /**
   * `versioned` (default): values with versions, written by the adapter's scripts, every change pushed with its value. `strings`: plain keys
   * that other programs write with SET, seen by keyspace notifications or by polling.
   */
  readonly form?: 'versioned' | 'strings' | undefined;
  /**
   * `versioned`: what the names of the adapter's own keys and channels begin with; default `{trunkline}`. `strings`: what stands before each
   * key in Redis; default: nothing.
   */
  readonly prefix?: string | undefined;
  /** A process that died has its registrations removed after this time, ms. Default: 10000. */
  readonly timeToLiveMs?: number | undefined;
  /** A server that says nothing for this time counts as away, ms. Default: 3000. */
  readonly silenceMs?: number | undefined;
  /** Larger values are refused before they are sent. Default: 4 MiB, at most 512 MB, which is the limit of Redis. */
  readonly maxValueBytes?: number | undefined;
  /** `strings` without keyspace notifications: how often the watched keys are read, ms. Default: 1000, which is the least. */
  readonly pollMs?: number | undefined;
  /**
   * `strings`: whether the adapter may turn keyspace notifications on by CONFIG SET, for all programs that use the server. Default: false.
   */
  readonly configureNotifications?: boolean | undefined;
}

export interface RedisSettings {
  /** Names the server in messages, without user and password. */
  readonly server: string;
  readonly form: 'versioned' | 'strings';
  readonly prefix: string;
  readonly timeToLiveMs: number;
  readonly silenceMs: number;
  readonly maxValueBytes: number;
  readonly pollMs: number;
  readonly configureNotifications: boolean;
  /** Tells the entries of this client from those of all other clients, also of earlier ones of the same process. */
  readonly owner: string;
  create(): RedisConnection;
}

const DEFAULT_URL = 'redis://127.0.0.1:6379';
const DEFAULT_PORT = 6379;
const DEFAULT_PREFIX = '{trunkline}';
const DEFAULT_TIME_TO_LIVE_MS = 10_000;
/** Two pulses must fit, or one late pulse would end the registrations. */
const LEAST_TIME_TO_LIVE_MS = 3_000;
const DEFAULT_SILENCE_MS = 3_000;
const DEFAULT_POLL_MS = 1_000;
/** A subscriber that has more than 32 MB to get is cut by Redis, so a few values of this size may be under way. */
const DEFAULT_MAX_VALUE_BYTES = 4 * 2 ** 20;
/** `proto-max-bulk-len` of Redis. */
const REDIS_MAX_VALUE_BYTES = 512 * 2 ** 20;

/**
 * The adapter opens a new pair of connections after each loss, so a connection of ioredis neither connects again nor sends again: a write
 * whose answer was lost would run twice. Keys get their prefix from the adapter.
 */
const OWN = {
  lazyConnect: true,
  retryStrategy: null,
  reconnectOnError: null,
  autoResubscribe: false,
  autoResendUnfulfilledCommands: false,
  enableOfflineQueue: true,
  enableAutoPipelining: false,
  commandTimeout: undefined,
  keyPrefix: '',
  stringNumbers: false,
};

/** @throws TrunklineError ERR_TRUNKLINE_OPTION_INVALID, ERR_TRUNKLINE_PACKAGE_MISSING */
export function settingsOf(options: RedisStoreOptions): RedisSettings {
  const { client, form = 'versioned', prefix = form === 'versioned' ? DEFAULT_PREFIX : '' } = options;
  const { configureNotifications = false, maxValueBytes = DEFAULT_MAX_VALUE_BYTES } = options;
  if (form !== 'versioned' && form !== 'strings') throw invalid('form', "must be 'versioned' or 'strings'");
  if (typeof prefix !== 'string' || (form === 'versioned' && prefix === '')) {
    throw invalid('prefix', 'must be a text with at least one character');
  }
  if (client?.isCluster === true) {
    throw invalid('client', 'must be a client of a single Redis or of Sentinel; Redis Cluster is not supported');
  }
  if (!(Number.isInteger(maxValueBytes) && maxValueBytes > 0 && maxValueBytes <= REDIS_MAX_VALUE_BYTES)) {
    throw invalid('maxValueBytes', `must be a whole number from 1 to ${REDIS_MAX_VALUE_BYTES}`);
  }
  return {
    server: serverOf(options),
    form,
    prefix,
    timeToLiveMs: atLeast(options, 'timeToLiveMs', LEAST_TIME_TO_LIVE_MS, DEFAULT_TIME_TO_LIVE_MS),
    silenceMs: atLeast(options, 'silenceMs', 1, DEFAULT_SILENCE_MS),
    maxValueBytes,
    pollMs: atLeast(options, 'pollMs', DEFAULT_POLL_MS, DEFAULT_POLL_MS),
    configureNotifications,
    owner: randomUUID(),
    create: client ? () => client.duplicate(OWN) : creatorOf(options),
  };
}

/** What stands in the URL is given as options, because ioredis would prefer an URL to options: a password in it, and settings in its query. */
function creatorOf({ url, username, password, tls, ioredis }: RedisStoreOptions): () => RedisConnection {
  const { Redis } = optionalPackage('ioredis', 'trunkline/redis', () => require('ioredis') as typeof import('ioredis'));
  // Sentinels say where the server is, which a URL would contradict.
  const where = ioredis?.sentinels ? {} : inUrl(url);
  const given = Object.fromEntries(Object.entries({ username, password, tls }).filter(([, value]) => value !== undefined));
  return () => new Redis({ ...where, ...ioredis, ...given, ...OWN });
}

/** @throws TrunklineError ERR_TRUNKLINE_OPTION_INVALID */
function inUrl(url = DEFAULT_URL): object {
  const { protocol, hostname, port, pathname, username, password, searchParams } = parsed(url);
  return {
    ...Object.fromEntries(searchParams),
    host: hostname.replace(/^\[|\]$/g, '') || 'localhost',
    port: Number(port || DEFAULT_PORT),
    ...(pathname.length > 1 ? { db: Number(pathname.slice(1)) } : undefined),
    ...(username === '' ? undefined : { username: decodeURIComponent(username) }),
    ...(password === '' ? undefined : { password: decodeURIComponent(password) }),
    ...(protocol === 'rediss:' ? { tls: {} } : undefined),
  };
}

/** @throws TrunklineError ERR_TRUNKLINE_OPTION_INVALID */
function parsed(url: string): URL {
  let result: URL;
  try {
    result = new URL(url);
  } catch {
    throw invalid('url', 'must be a URL such as redis://127.0.0.1:6379');
  }
  if (!['redis:', 'rediss:'].includes(result.protocol)) throw invalid('url', 'must begin with redis:// or rediss://');
  if (!/^(\/\d*)?$/.test(result.pathname)) throw invalid('url', 'must end with the number of a database, or without any');
  return result;
}

/** Names the server, without user and password. @throws TrunklineError ERR_TRUNKLINE_OPTION_INVALID */
export function serverOf({ url = DEFAULT_URL, ioredis, client }: RedisStoreOptions): string {
  const options = (client ? client.options : ioredis) as RedisLike['options'];
  const sentinels = options?.sentinels;
  if (sentinels) return `Redis ${options.name ?? ''} of ${sentinels.map(({ host, port }) => `${host}:${port ?? 26379}`).join()}`;
  if (client) {
    const { host = 'localhost', port = DEFAULT_PORT, path, db = 0 } = client.options ?? {};
    return `Redis ${path ?? `${host}:${port}`}/${db}`;
  }
  const { hostname, port, pathname } = parsed(url);
  const at = options?.path ?? `${options?.host ?? hostname}:${options?.port ?? (port || DEFAULT_PORT)}`;
  return `Redis ${at}/${options?.db ?? (pathname.slice(1) || 0)}`;
}

function atLeast(
  options: RedisStoreOptions,
  name: 'timeToLiveMs' | 'silenceMs' | 'pollMs',
  least: number,
  otherwise: number,
): number {
  const value = options[name] ?? otherwise;
  if (!isTimerMs(value) || value < least) throw invalid(name, `must be a time of at least ${least} ms`);
  return value;
}

function invalid(option: string, sentence: string): TrunklineError {
  return new TrunklineError('ERR_TRUNKLINE_OPTION_INVALID', `trunkline/redis: the option ${option} ${sentence}`, { option });
}
