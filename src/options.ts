// All options of the shared client, each declared once: meaning, unit, default, environment variable, check. Only the client layer
// sees the resolved options; the layers below get a ChannelSpec and a Meeting made of them. A test holds docs/options.md to this
// file.

import type { Candidacy } from '../protocol/candidacy';
import type { Transcode } from '../protocol/value-codec';
import { TrunklineError } from './errors';
import { formatKey } from './format-key';
import { defaultLogger, type Logger } from './logger';
import { seatOf, seatSecretAt, type Seat } from './seat';
import { MIN_SECRET_LENGTH, Secret } from './secret';
import { isTimerMs } from './time';

/** What `cluster(Client, options)` takes. Everything is optional. */
export interface ClientOptions {
  /** Name of the channel: processes that use the same name share an upstream client. Default: the name of the class. */
  name?: string | undefined;
  /** The loopback TCP port where the processes of a host meet. Default 7777. */
  port?: number | undefined;
  /** No network: clients with the same name in this process share an upstream client. Default false. */
  singleMode?: boolean | undefined;
  /**
   * Single mode only. `copy`: arguments and results are copied as between two processes, so that a test in single mode fails where
   * processes would: on functions, on methods of class instances, on results that are changed later. Default `reference`.
   */
  carry?: CarryMode | undefined;
  /**
   * `true`: this process must lead, and fails if another process leads. `false`: this process waits for a leader and never
   * leads. Unset: the processes compete.
   */
  isLeader?: boolean | null | undefined;
  /** How long to wait for a leader before `ready()` is rejected, ms. The client goes on waiting after that. Default 30000. */
  maxWaitTime?: number | undefined;
  /** Limit for a TCP connect to the leader, ms. Default 10000. */
  connectTimeout?: number | undefined;
  /** How long a follower waits for the answer to a call, ms. Default 3000. */
  responseTimeout?: number | undefined;
  /**
   * How long a client in the process that holds the upstream client (leader, single mode) waits for the result of a call, ms. The
   * method goes on. Default: as long as the method takes.
   */
  localResponseTimeout?: number | undefined;
  /** An `error` event when a subscription has no first value after this time, ms. 0 or not given: no limit. */
  subscribeTimeout?: number | undefined;
  /** Time between pings on an otherwise silent connection, ms. Silence of 2.5 intervals ends the connection. Default 20000. */
  heartbeatInterval?: number | undefined;
  /** Whether silent connections are ended at all. Default true. */
  isCheckHeartbeat?: boolean | undefined;
  /** Whether asynchronous methods, subscribe, unSubscribe, publish and close are delegated without being named. Default true. */
  autoGenerate?: boolean | undefined;
  /**
   * `true`: every subscriber gets each value. `false`: a single subscriber of the whole host, chosen at random, gets each value.
   * Default true.
   */
  isBroadcast?: boolean | undefined;
  /**
   * What distinguishes channels besides the name. `strict`: also the plain part of the constructor arguments; other arguments
   * make another channel. `warn`: the name alone, with a warning that names what differs. `ignore`: the name alone, without a
   * warning. Any other string stands in for the arguments. Default: `strict` where processes compete, `warn` where `isLeader` is
   * set; clients of one process that must lead then lead a channel for each set of arguments.
   */
  identity?: string | undefined;
  /** Whether processes prove to each other that the same user runs both. Must be the same in all processes. Default true. */
  auth?: boolean | undefined;
  /**
   * The secret that processes prove to each other, at least 16 characters. The secret replaces the file that only this user can
   * read, or what a supervisor has given to its children. Must be the same in all processes.
   */
  secret?: string | undefined;
  /** Whether processes of cluster-client 3.x, which cannot prove anything, are served and followed. Default false. */
  allowLegacyPeers?: boolean | undefined;
  /**
   * How many bytes may wait in this process until the other side of a connection reads. Below this limit nothing is skipped or
   * refused; a single value may be larger. A follower that does not read costs the leader no more memory than this. Default
   * 16777216 (16 MiB), at least 65536.
   */
  maxOutboxBytes?: number | undefined;
  /**
   * What happens when a follower falls more than `maxOutboxBytes` behind. `latest`: the follower gets only the newest value of
   * each key when the follower reads again. `every`: no value is skipped; the follower is disconnected instead and joins again.
   * With `isBroadcast: false` always `every`. Default `latest`.
   */
  delivery?: DeliveryMode | undefined;
  /** Where log lines go. Default: warnings and errors on the console. */
  logger?: Logger | undefined;
  /**
   * How values become bytes; must be the same in all processes of a channel. Default: JSON text for what JSON carries exactly, and a
   * form that keeps what structured clone keeps for the rest.
   */
  transcode?: Transcode | undefined;
  /**
   * A registration as a string; equal strings are the same subscription. Default: JSON with sorted property names, and a
   * notation that is no JSON for values that JSON cannot express.
   */
  formatKey?: ((registration: unknown) => string) | undefined;
  /** `setMaxListeners` of the client. Default: that of EventEmitter. */
  maxListeners?: number | undefined;
}

export type DeliveryMode = 'latest' | 'every';
export type CarryMode = 'reference' | 'copy';

type Given<K extends keyof ClientOptions> = NonNullable<ClientOptions[K]>;

/** Options that have no default, and are absent when nobody gives them. */
type Optional = 'isLeader' | 'localResponseTimeout' | 'subscribeTimeout' | 'identity' | 'secret' | 'transcode' | 'maxListeners';

type WithDefaults = {
  readonly [K in Exclude<keyof ClientOptions, 'secret'>]-?: K extends Optional ? Given<K> | undefined : Given<K>;
};

/** The options with every default filled in. */
export interface ResolvedOptions extends WithDefaults {
  readonly secret: Secret | undefined;
  /** How this process may lead: what `isLeader` and the seat that the supervisor has given to this process say together. */
  readonly candidacy: Candidacy;
  /** XDG_RUNTIME_DIR, which is no option of the user. */
  readonly runtimeFolder: string | undefined;
}

/** @typeParam D the default; undefined: there is none */
interface Declaration<T, D = T | undefined> {
  readonly default: D;
  /** What a value must be, as a phrase after "must be". */
  readonly mustBe: string;
  readonly check: (value: unknown) => boolean;
  readonly env?: string;
  readonly fromEnv?: (text: string) => unknown;
}

const IDENTITIES: ReadonlySet<unknown> = new Set(['strict', 'warn', 'ignore']);
const isBoolean = (value: unknown): boolean => typeof value === 'boolean';
const isFunction = (value: unknown): boolean => typeof value === 'function';
const has = (value: unknown, ...methods: string[]): boolean =>
  typeof value === 'object' &&
  value !== null &&
  methods.every((method) => isFunction((value as Record<string, unknown>)[method]));

const ms = <D extends number | undefined>(defaultMs: D): Declaration<number, D> => ({
  default: defaultMs,
  mustBe: 'a number of milliseconds above 0 and up to 2147483647',
  check: isTimerMs,
});
const flag = <D extends boolean | undefined>(defaultValue: D): Declaration<boolean, D> => ({
  default: defaultValue,
  mustBe: 'true or false',
  check: isBoolean,
});

const text: Omit<Declaration<string, undefined>, 'env' | 'fromEnv'> = {
  default: undefined,
  mustBe: 'a string that is not empty',
  check: (value) => typeof value === 'string' && value !== '',
};
const flagFromEnv = (text: string): unknown => ({ 1: true, true: true, 0: false, false: false })[text] ?? text;

/** Each option is declared here. `name` has no default because the class gives the name. */
export const OPTION_DECLARATIONS: {
  readonly [K in keyof ClientOptions]-?: Declaration<Given<K>, K extends Optional | 'name' ? undefined : Given<K>>;
} = {
  name: text,
  port: {
    default: 7777,
    mustBe: 'a whole number from 1 to 65535',
    check: (value) => Number.isInteger(value) && (value as number) >= 1 && (value as number) <= 65535,
    env: 'NODE_CLUSTER_CLIENT_PORT',
    fromEnv: Number,
  },
  singleMode: {
    ...flag(false),
    env: 'NODE_CLUSTER_CLIENT_SINGLE_MODE',
    fromEnv: flagFromEnv,
  },
  carry: {
    default: 'reference',
    mustBe: "'reference' or 'copy'",
    check: (value) => value === 'reference' || value === 'copy',
    env: 'TRUNKLINE_CARRY',
    fromEnv: String,
  },
  isLeader: flag(undefined),
  maxWaitTime: ms(30_000),
  connectTimeout: { ...ms(10_000), env: 'NODE_CLUSTER_CLIENT_CONNECT_TIMEOUT', fromEnv: Number },
  responseTimeout: ms(3_000),
  localResponseTimeout: ms(undefined),
  subscribeTimeout: {
    ...ms(undefined),
    mustBe: 'a number of milliseconds, 0 for no limit',
    check: (value) => value === 0 || isTimerMs(value),
  },
  heartbeatInterval: ms(20_000),
  isCheckHeartbeat: flag(true),
  autoGenerate: flag(true),
  isBroadcast: flag(true),
  identity: {
    ...text,
    env: 'TRUNKLINE_IDENTITY',
    fromEnv: String,
    mustBe: "'strict', 'warn' or 'ignore' in lower case, or a text of your own",
    check: (value) => text.check(value) && (IDENTITIES.has(value) || !IDENTITIES.has((value as string).toLowerCase())),
  },
  auth: flag(true),
  secret: {
    default: undefined,
    mustBe: `a string of at least ${MIN_SECRET_LENGTH} characters`,
    check: (value) => typeof value === 'string' && value.length >= MIN_SECRET_LENGTH,
    env: 'TRUNKLINE_SECRET',
    fromEnv: String,
  },
  allowLegacyPeers: { ...flag(false), env: 'TRUNKLINE_ALLOW_LEGACY', fromEnv: flagFromEnv },
  maxOutboxBytes: {
    default: 16 * 1024 * 1024,
    mustBe: 'a whole number of bytes, at least 65536',
    check: (value) => Number.isInteger(value) && (value as number) >= 65_536,
  },
  delivery: {
    default: 'latest',
    mustBe: "'latest' or 'every'",
    check: (value) => value === 'latest' || value === 'every',
  },
  logger: {
    default: defaultLogger,
    mustBe: 'an object with info, warn and error',
    check: (value) => has(value, 'info', 'warn', 'error'),
  },
  transcode: {
    default: undefined,
    mustBe: 'an object with encode and decode',
    check: (value) => has(value, 'encode', 'decode') || (isFunction(value) && has({ ...(value as object) }, 'encode', 'decode')),
  },
  formatKey: { default: formatKey, mustBe: 'a function', check: isFunction },
  maxListeners: {
    default: undefined,
    mustBe: 'a whole number, 0 or more',
    check: (value) => Number.isInteger(value) && (value as number) >= 0,
  },
};

/**
 * Fills in environment and defaults, and checks. Null counts as not given.
 * @param className stands in for a name that is not given
 * @param ofClass options of the class, which apply where the user gives none; may throw for options that cannot work with the class
 * @throws TrunklineError ERR_TRUNKLINE_OPTION_INVALID
 */
export function resolveOptions(
  given: ClientOptions | undefined,
  className: string,
  env: NodeJS.ProcessEnv = process.env,
  ofClass?: (given: ClientOptions) => ClientOptions,
): ResolvedOptions {
  if (given !== undefined && (typeof given !== 'object' || (given as unknown) === null || Array.isArray(given))) {
    throw new TrunklineError(
      'ERR_TRUNKLINE_OPTION_INVALID',
      `cluster(Client, options): options must be an object, not ${show(given)}`,
    );
  }
  const unknown = Object.keys(given ?? {}).filter((name) => !Object.hasOwn(OPTION_DECLARATIONS, name));
  // What a supervisor says of this process stands between what the user gives and what the shell has.
  const seat = seatOf(env);
  const seated = seat
    ? { port: seat.clusterPort, isLeader: { leads: true, succeeds: true, follows: false, competes: undefined }[seat.candidacy] }
    : {};
  const said = withoutNothing(given);
  const effective = { ...seated, ...ofClass?.(said), ...said };
  const resolved: Record<string, unknown> = {};
  for (const [name, declaration] of Object.entries(OPTION_DECLARATIONS) as [keyof ClientOptions, Declaration<unknown>][]) {
    const { value, source } = choose(name, declaration, effective, env);
    if (value !== undefined && !declaration.check(value)) {
      throw new TrunklineError(
        'ERR_TRUNKLINE_OPTION_INVALID',
        `${className}: ${source} must be ${declaration.mustBe}, but is ${name === 'secret' ? 'not' : show(value)}; correct it or leave it out`,
        { option: name },
      );
    }
    resolved[name] = value ?? (name === 'name' ? className : declaration.default);
  }
  resolved.candidacy = candidacyOf(resolved.isLeader as boolean | undefined, seat);
  resolved.runtimeFolder = env.XDG_RUNTIME_DIR;
  resolved.secret =
    typeof resolved.secret === 'string' ? new Secret(resolved.secret) : seatSecretAt(resolved.port as number, env);
  const options = resolved as unknown as ResolvedOptions;
  // Unknown names are no error: frameworks hand on private options.
  if (unknown.length > 0) options.logger.warn(`${options.name}: unknown options are ignored: ${unknown.join(', ')}`);
  return options;
}

/** Maps `isLeader`, the option of cluster-client, to the word that everything below the options uses. */
function candidacyOf(isLeader: boolean | undefined, seat: Seat | undefined): Candidacy {
  if (isLeader === undefined) return 'competes';
  if (!isLeader) return 'follows';
  return seat?.candidacy === 'succeeds' ? 'succeeds' : 'leads';
}

/** Null and undefined count as not given. */
function withoutNothing(given: ClientOptions | undefined): ClientOptions {
  return Object.fromEntries(Object.entries(given ?? {}).filter(([, value]) => value !== undefined && value !== null));
}

function choose(
  name: keyof ClientOptions,
  declaration: Declaration<unknown>,
  given: ClientOptions,
  env: NodeJS.ProcessEnv,
): { value: unknown; source: string } {
  const value: unknown = given[name];
  if (value !== undefined) return { value, source: `option ${name}` };
  const text = declaration.env === undefined ? undefined : env[declaration.env];
  if (text === undefined || text === '' || !declaration.fromEnv) return { value: undefined, source: '' };
  const parsed = declaration.fromEnv(text);
  return { value: Number.isNaN(parsed) ? text : parsed, source: `environment variable ${declaration.env}` };
}

function show(value: unknown): string {
  if (typeof value === 'string') return JSON.stringify(value);
  if (value === null || typeof value === 'number' || typeof value === 'boolean') return String(value);
  return Array.isArray(value) ? 'an array' : `a value of type ${typeof value}`;
}
