// The command line of `npm run chaos`.

import { parseArgs } from 'node:util';
import { ENGINES, HOSTS, PROCESSES as FLEET_PROCESSES, type EngineName } from './fleet/plan';

export interface Arguments {
  readonly seconds: number;
  readonly seed: number;
  readonly processes: number;
  /** Channels that only some processes create use the common port too. */
  readonly onePort: boolean;
  /** Hosts of a fleet on this engine, in place of a single host. */
  readonly fleet: EngineName | undefined;
  /** The engine loses all data in each restart. */
  readonly forgetful: boolean;
  readonly verbose: boolean;
  /** The file for the whole history, a JSON text a line. */
  readonly history: string | undefined;
  readonly help: boolean;
}

/** What the user got wrong, in a sentence. */
export class ArgumentsError extends Error {}

const SECONDS = 60;
const PROCESSES = 8;
const MAX_SEED = 2 ** 32 - 1;

export const USAGE = `usage: npm run chaos -- [options]

  --seconds N     how long faults are made, default ${SECONDS}
  --seed N        the same faults in the same order again, 0 to ${MAX_SEED}; default: a random one, which is printed
  --processes N   how many members there are, 2 to 64, default ${PROCESSES}
  --one-port      a channel that only some processes create shares the port of those that all create
  --fleet ENGINE  ${HOSTS.length} hosts with ${FLEET_PROCESSES} processes each, on a real etcd or redis, in place of one host
  --forgetful     with --fleet: the engine loses all data in each restart
  --verbose       every event but deliveries and calls as it happens, on standard error
  --history FILE  the whole history, one JSON text a line
  --help          this text`;

/**
 * @throws ArgumentsError
 */
export function parseArguments(argv: readonly string[]): Arguments {
  const values = parse(argv);
  const fleet = engineOf(values.fleet);
  if (fleet && values.processes !== undefined)
    throw new ArgumentsError('--processes is for a single host; a fleet has its own number.');
  if (fleet && values['one-port']) throw new ArgumentsError('--one-port is for a single host.');
  if (!fleet && values.forgetful) throw new ArgumentsError('--forgetful needs --fleet.');
  return {
    seconds: wholeNumber('--seconds', values.seconds, 1, 86_400) ?? SECONDS,
    seed: wholeNumber('--seed', values.seed, 0, MAX_SEED) ?? Math.floor(Math.random() * MAX_SEED),
    processes: fleet ? HOSTS.length * FLEET_PROCESSES : (wholeNumber('--processes', values.processes, 2, 64) ?? PROCESSES),
    fleet,
    forgetful: values.forgetful === true,
    onePort: values['one-port'] === true,
    verbose: values.verbose === true,
    history: values.history,
    help: values.help === true,
  };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({
      args: [...argv],
      options: {
        seconds: { type: 'string' },
        seed: { type: 'string' },
        processes: { type: 'string' },
        'one-port': { type: 'boolean' },
        fleet: { type: 'string' },
        forgetful: { type: 'boolean' },
        verbose: { type: 'boolean' },
        history: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
      },
    }).values;
  } catch (error) {
    const [sentence] = (error as Error).message.split(/\. |\n/);
    throw new ArgumentsError(`${sentence}; see --help.`);
  }
}

function engineOf(text: string | undefined): EngineName | undefined {
  const engine = ENGINES.find((name) => name === text);
  if (text !== undefined && !engine) throw new ArgumentsError(`--fleet must be ${ENGINES.join(' or ')}, but is '${text}'.`);
  return engine;
}

function wholeNumber(option: string, text: string | undefined, least: number, most: number): number | undefined {
  if (text === undefined) return undefined;
  const number = /^\d+$/.test(text) ? Number(text) : NaN;
  if (number >= least && number <= most) return number;
  throw new ArgumentsError(`${option} must be a whole number from ${least} to ${most}, but is '${text}'.`);
}
