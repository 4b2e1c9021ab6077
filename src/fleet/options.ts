// The options of `fleet()`, each declared once with meaning, unit and default.

import os from 'node:os';
import { jsonOrStructuredTranscode, type Transcode } from '../../protocol/value-codec';
import { TrunklineError } from '../errors';
import { fact } from '../facts';
import { formatKey } from '../format-key';
import { defaultLogger, guardedLogger, type Logger } from '../logger';
import { isTimerMs } from '../time';
import type { Engine } from './engine';

/** What `fleet(Class, options)` takes. */
export interface FleetOptions {
  /** What the hosts meet in: `redisEngine(…)`, `etcdEngine(…)`, or `memoryEngine()` in tests. */
  engine: Engine;
  /** Hosts of one group share one upstream client. Letters, digits, `.`, `_` and `-`, at most 100; a group for each class. */
  group: string;
  /**
   * How long leadership lasts without a renewal, ms: the time that a dead or frozen host costs. Shorter means more renewals, and more
   * takeovers without need. Default 3000, at least 500.
   */
  ttlMs?: number | undefined;
  /** How long what a silent host has asked for and published lasts, ms. Default 30000, at least four times `ttlMs`. */
  memberTtlMs?: number | undefined;
  /** How long a call may take, with a takeover in between, ms. Default `ttlMs` + 7000; must be longer than `ttlMs`. */
  callTimeoutMs?: number | undefined;
  /** How long to wait for the engine and a winner before `ready()` is rejected, ms. The fleet goes on trying. Default 10000. */
  maxWaitMs?: number | undefined;
  /** The name of this host, for people. Processes of two names never judge whether the other is dead. Default: the host name. */
  host?: string | undefined;
  /** Methods that may run twice: sent again when the winner was lost with such a call under way. Default: none. */
  idempotent?: readonly string[] | undefined;
  /** How the class names the verbs, where the names are not `subscribe`, `unSubscribe`, `publish`, `close`. */
  verbs?: Partial<FleetVerbs> | undefined;
  /**
   * Gives the epoch of leadership to the class, so that a server that can compare may refuse a deposed leader. `true`: the last
   * constructor argument, which must be a plain object, gets `fencing: { epoch }`. A function makes the arguments. Default: not given.
   */
  fencing?: true | ((args: readonly unknown[], fencing: { readonly epoch: number }) => unknown[]) | undefined;
  /** What must be equal on all hosts besides the class. Default: the plain part of the constructor arguments. */
  identity?: string | undefined;
  /** How values become bytes; must be the same on all hosts. Default: as of the shared client. */
  transcode?: Transcode | undefined;
  /** A registration as a string; must be the same on all hosts. Default: as of the shared client. */
  formatKey?: ((registration: unknown) => string) | undefined;
  /** Where log lines go. Default: warnings and errors on the console. */
  logger?: Logger | undefined;
}

/** The verbs of a class by their meaning. */
export interface FleetVerbs {
  readonly subscribe: string;
  readonly unSubscribe: string;
  readonly publish: string;
  readonly close: string;
}

type WithDefaults = {
  readonly [K in Exclude<keyof FleetOptions, 'fencing' | 'identity' | 'verbs'>]-?: NonNullable<FleetOptions[K]>;
};

/** The options with every default filled in. */
export interface ResolvedFleetOptions extends WithDefaults {
  readonly verbs: FleetVerbs;
  readonly fencing: FleetOptions['fencing'];
  readonly identity: string | undefined;
}

const GROUP = /^[\w.-]{1,100}$/;
const VERBS: FleetVerbs = {
  subscribe: 'subscribe',
  unSubscribe: 'unSubscribe',
  publish: 'publish',
  close: 'close',
};

/** @throws TrunklineError ERR_TRUNKLINE_OPTION_INVALID */
export function resolveFleetOptions(given: FleetOptions): ResolvedFleetOptions {
  const { engine, group, ttlMs = 3_000, idempotent = [], logger = defaultLogger } = given;
  if (typeof (engine as Partial<Engine> | undefined)?.open !== 'function')
    throw wrong('engine', 'must be an engine, such as redisEngine({ url })');
  if (typeof group !== 'string' || !GROUP.test(group))
    throw wrong('group', 'must be 1 to 100 letters, digits, dots, dashes or underscores');
  if (!isTimerMs(ttlMs) || ttlMs < 500) throw wrong('ttlMs', 'must be a number of milliseconds, at least 500');
  const { memberTtlMs = Math.max(30_000, 4 * ttlMs), callTimeoutMs = ttlMs + 7_000, maxWaitMs = 10_000 } = given;
  if (!isTimerMs(memberTtlMs) || memberTtlMs < 4 * ttlMs)
    throw wrong('memberTtlMs', `must be a number of milliseconds, at least 4 × ttlMs (${4 * ttlMs})`);
  if (!isTimerMs(callTimeoutMs) || callTimeoutMs <= ttlMs)
    throw wrong('callTimeoutMs', `must be longer than ttlMs (${ttlMs}): the takeover from a dead host takes that long`);
  if (!isTimerMs(maxWaitMs)) throw wrong('maxWaitMs', 'must be a number of milliseconds');
  return {
    engine,
    group,
    ttlMs,
    memberTtlMs,
    callTimeoutMs,
    maxWaitMs,
    host: given.host ?? fact(() => os.hostname()) ?? 'host',
    idempotent,
    verbs: { ...VERBS, ...given.verbs },
    fencing: given.fencing,
    identity: given.identity,
    transcode: given.transcode ?? jsonOrStructuredTranscode,
    formatKey: given.formatKey ?? formatKey,
    logger: guardedLogger(logger),
  };
}

function wrong(option: string, what: string): TrunklineError {
  return new TrunklineError('ERR_TRUNKLINE_OPTION_INVALID', `fleet(Class, options): option ${option} ${what}`, { option });
}
