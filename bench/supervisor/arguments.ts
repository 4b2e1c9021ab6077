// The command line of `npm run bench:supervisor`.

import { listOf, parseOptions, runnable, wholeNumber } from '../arguments';
import type { Scale } from '../workloads/workload';

export interface Arguments {
  readonly rounds: number;
  readonly scale: Scale;
  /** Names of measures; undefined: all. */
  readonly only: readonly string[] | undefined;
  /** Whether a missed target is a failure. */
  readonly check: boolean;
  /** The program that runs the measured processes. */
  readonly node: string;
  readonly help: boolean;
}

const DEFAULT_ROUNDS = 3;

export const USAGE = `usage: npm run bench:supervisor -- [options]

  --rounds N      rounds of each measure, default ${DEFAULT_ROUNDS}; the peers take turns in each
  --only A,B      only these measures
  --node PATH     the Node.js that runs the measured processes
  --quick         one round with few repetitions, to prove that everything runs
  --check         exit code 1 when a target is missed
  --help          this text

The peers are installed once into node_modules/.cache/trunkline-bench, without their install scripts.`;

/**
 * @param names all measures
 * @throws ArgumentsError
 */
export function parseArguments(argv: readonly string[], names: readonly string[]): Arguments {
  const {
    rounds,
    only,
    node,
    quick = false,
    check = false,
    help = false,
  } = parseOptions(argv, {
    rounds: { type: 'string' },
    only: { type: 'string' },
    node: { type: 'string' },
    quick: { type: 'boolean' },
    check: { type: 'boolean' },
    help: { type: 'boolean', short: 'h' },
  });
  return {
    rounds: wholeNumber('--rounds', rounds) ?? (quick ? 1 : DEFAULT_ROUNDS),
    scale: quick ? 'quick' : 'full',
    only: listOf('--only', only, names),
    check,
    node: runnable(node),
    help,
  };
}
