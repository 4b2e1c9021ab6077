// The command line of `npm run bench`.

import { execFileSync } from 'node:child_process';
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { PEER_NAMES, type PeerName } from './peers/peer';
import type { Scale } from './workloads/workload';

export interface Arguments {
  readonly rounds: number;
  readonly scale: Scale;
  /** Names of workloads; undefined: all. */
  readonly only: readonly string[] | undefined;
  readonly peers: readonly PeerName[];
  readonly growth: boolean;
  /** The first operations of processes, instead of operations after a warm-up. */
  readonly cold: boolean;
  /** The program that runs the measured processes. */
  readonly node: string;
  readonly json: string | undefined;
  readonly help: boolean;
}

/** What the user got wrong, in a sentence. */
export class ArgumentsError extends Error {}

const DEFAULT_ROUNDS = 3;
const DEFAULT_COLD_ROUNDS = 5;

export const USAGE = `usage: npm run bench -- [options]

  --rounds N      rounds of each workload, default ${DEFAULT_ROUNDS}, with --cold ${DEFAULT_COLD_ROUNDS}; the peers take turns in each
  --only A,B      only these workloads
  --peers A,B     only these peers: ${PEER_NAMES.join(', ')}
  --growth        the growth workloads too, up to 64 followers and 100,000 keys; takes many minutes
  --cold          the first operations of new processes, without any warm-up, and what loading costs
  --fleet         what a fleet of hosts costs its engine; has options of its own: --fleet --help
  --node PATH     the Node.js that runs the measured processes
  --quick         one round with small counts, to prove that everything runs
  --json FILE     write the figures of every round to a file
  --help          this text`;

/**
 * @param names all workloads
 * @throws ArgumentsError
 */
export function parseArguments(argv: readonly string[], names: readonly string[]): Arguments {
  const values = parseOptions(argv, {
    rounds: { type: 'string' },
    only: { type: 'string' },
    peers: { type: 'string' },
    growth: { type: 'boolean' },
    cold: { type: 'boolean' },
    node: { type: 'string' },
    quick: { type: 'boolean' },
    json: { type: 'string' },
    help: { type: 'boolean', short: 'h' },
  });
  const quick = values.quick === true;
  const cold = values.cold === true;
  return {
    rounds: wholeNumber('--rounds', values.rounds) ?? (quick ? 1 : cold ? DEFAULT_COLD_ROUNDS : DEFAULT_ROUNDS),
    scale: quick ? 'quick' : 'full',
    only: listOf('--only', values.only, names),
    peers: listOf('--peers', values.peers, PEER_NAMES) ?? PEER_NAMES,
    growth: values.growth === true,
    cold,
    node: runnable(values.node),
    json: values.json,
    help: values.help === true,
  };
}

/**
 * @param see where the user finds the options
 * @throws ArgumentsError
 */
export function parseOptions<T extends NonNullable<ParseArgsConfig['options']>>(
  argv: readonly string[],
  options: T,
  see = '--help',
): ReturnType<typeof parseArgs<{ options: T }>>['values'] {
  try {
    return parseArgs({ args: [...argv], options }).values;
  } catch (error) {
    const [sentence] = (error as Error).message.split(/\. |\n/);
    throw new ArgumentsError(`${sentence}; see ${see}.`);
  }
}

/** @throws ArgumentsError */
export function runnable(path: string | undefined): string {
  if (path === undefined) return process.execPath;
  try {
    const version = execFileSync(path, ['-p', 'process.version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
    if (/^v\d+\./.test(version)) return path;
  } catch {
    // The cause is dropped: the error below says all that the user needs.
  }
  throw new ArgumentsError(`--node: '${path}' is not a Node.js that runs here.`);
}

export function wholeNumber(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[1-9]\d{0,3}$/.test(text)) throw new ArgumentsError(`${option} must be a whole number above 0, but is '${text}'.`);
  return Number(text);
}

export function listOf<T extends string>(option: string, text: string | undefined, known: readonly T[]): T[] | undefined {
  if (text === undefined) return undefined;
  return text.split(',').map((name) => {
    const match = known.find((candidate) => candidate === name);
    if (match === undefined) throw new ArgumentsError(`${option}: '${name}' is none of ${known.join(', ')}.`);
    return match;
  });
}
