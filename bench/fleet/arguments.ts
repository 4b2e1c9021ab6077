// The command line of `npm run bench -- --fleet`.

import { listOf, parseOptions, wholeNumber } from '../arguments';
import { ENGINE_NAMES, type EngineName } from './engine-servers';

export interface FleetArguments {
  readonly engines: readonly EngineName[];
  readonly members: readonly number[];
  readonly keys: readonly number[];
  readonly rounds: number;
  readonly parts: readonly Part[];
  readonly isQuick: boolean;
  readonly json: string | undefined;
  readonly help: boolean;
}

export const PARTS = ['values', 'takeover'] as const;
export type Part = (typeof PARTS)[number];

const DEFAULT_ROUNDS = 3;

export const USAGE = `usage: npm run bench -- --fleet [options]

  --engine A,B    only these engines: ${ENGINE_NAMES.join(', ')}
  --members N,M   how many hosts, default 10,100,1000
  --keys N,M      how many keys each member subscribes to, default 1,1000
  --only A,B      only these parts: ${PARTS.join(', ')}
  --rounds N      rounds of each measure, default ${DEFAULT_ROUNDS}; fleet and independent connections take turns in each
  --quick         one round with 10 members and one key, to prove that everything runs
  --json FILE     write the figures of every round to a file
  --help          this text`;

/** @throws ArgumentsError */
export function parseFleetArguments(argv: readonly string[]): FleetArguments {
  const values = parseOptions(
    argv,
    {
      engine: { type: 'string' },
      members: { type: 'string' },
      keys: { type: 'string' },
      only: { type: 'string' },
      rounds: { type: 'string' },
      quick: { type: 'boolean' },
      json: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    },
    '--fleet --help',
  );
  const isQuick = values.quick === true;
  return {
    engines: listOf('--engine', values.engine, ENGINE_NAMES) ?? ENGINE_NAMES,
    members: numbersOf('--members', values.members) ?? (isQuick ? [10] : [10, 100, 1_000]),
    keys: numbersOf('--keys', values.keys) ?? (isQuick ? [1] : [1, 1_000]),
    rounds: wholeNumber('--rounds', values.rounds) ?? (isQuick ? 1 : DEFAULT_ROUNDS),
    parts: listOf('--only', values.only, PARTS) ?? PARTS,
    isQuick,
    json: values.json,
    help: values.help === true,
  };
}

function numbersOf(option: string, text: string | undefined): number[] | undefined {
  return text?.split(',').map((part) => wholeNumber(option, part)!);
}
